"""The table of results: what was measured, the bound, and whether the bound holds."""


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, bound=None, at_least=False, digits=0):
        shown = f"{value:,.{digits}f} {unit}".strip()
        if bound is None:
            self.rows.append((what, shown, "", ""))
            return
        holds = value >= bound if at_least else value <= bound
        sign = "≥" if at_least else "≤"
        limit = f"{sign} {bound:,.{digits if bound % 1 else 0}f} {unit}".strip()
        self.rows.append((what, shown, limit, "yes" if holds else "NO"))

    def beside(self, what, ms, floor, bound=None):
        """A row for a time and its floor. The bound is for the ratio of the two."""
        limits = ("", "") if bound is None else (f"≤ {bound} ×", "yes" if ms <= bound * floor else "NO")
        self.rows.append((what, f"{ms:,.0f} ms = {ms / floor:.3f} × {floor:,.0f}", *limits))

    def print(self):
        rows = [("", "measured", "bound", "holds"), *self.rows]
        wide = [max(len(row[i]) for row in rows) for i in range(4)]
        for what, value, bound, holds in rows:
            print(f"{what:<{wide[0]}}  {value:>{wide[1]}}  {bound:>{wide[2]}}  {holds}".rstrip())
