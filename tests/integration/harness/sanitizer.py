"""What the sanitizers in attestd report: any of it fails the test."""
import os
import pathlib
import shutil
import tempfile

# No leaks: attestd takes nothing from malloc, and forbids being looked at.
OPTIONS = "exitcode=99:detect_leaks=0:detect_stack_use_after_return=1:handle_sigill=1:handle_sigtrap=1"


class Reports:
    """Each process writes a file of its own when it has something to report."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="attestd-reports-"))
        self.folder.chmod(0o777)  # attestd may run as somebody else
        os.environ["ASAN_OPTIONS"] = f"{OPTIONS}:log_path={self.folder}/asan"
        os.environ["UBSAN_OPTIONS"] = f"print_stacktrace=1:log_path={self.folder}/ubsan"

    def take(self):
        """What was reported since it was asked last."""
        files = sorted(self.folder.iterdir())
        text = "".join(file.read_text(errors="replace") for file in files)
        for file in files:
            file.unlink()
        return text

    def close(self):
        text = self.take()
        shutil.rmtree(self.folder)
        assert not text, text
