"""What the sanitizers in attestd report. Any report fails the test."""
import os
import pathlib
import shutil
import tempfile

# Leaks are not looked for: attestd does not use malloc, and may not be traced.
OPTIONS = "exitcode=99:detect_leaks=0:detect_stack_use_after_return=1:handle_sigill=1:handle_sigtrap=1"


class Reports:
    """A folder of reports: each process that reports something writes a file of its own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-reports-"))
        self.folder.chmod(0o777)  # attestd may run as another user
        os.environ["ASAN_OPTIONS"] = f"{OPTIONS}:log_path={self.folder}/asan"
        os.environ["UBSAN_OPTIONS"] = f"print_stacktrace=1:log_path={self.folder}/ubsan"

    def take(self):
        """Returns and forgets what was reported since the last call."""
        files = sorted(self.folder.iterdir())
        text = "".join(file.read_text(errors="replace") for file in files)
        for file in files:
            file.unlink()
        return text

    def close(self):
        text = self.take()
        shutil.rmtree(self.folder)
        assert not text, text
