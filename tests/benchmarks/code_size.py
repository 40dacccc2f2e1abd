"""Size of the code: lines, modules at the root of `mer_core`, lengths of functions.

python -m tests.benchmarks.code_size [FOLDER]
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FOLDERS = ("mer_core", "train")


def main() -> None:
    """Print one figure a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="a checkout")
    root = parser.parse_args().folder
    code = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py"))]
    tests = sorted((root / "tests").rglob("*.py"))
    functions = sorted(function for path in code for function in function_lengths(path))
    lengths = np.array([length for length, _ in functions])
    longest, name = functions[-1]
    files = sorted((len(path.read_text("utf-8").splitlines()), path) for path in code)
    print(f"lines of mer_core and train          {sum(length for length, _ in files):6}")
    print(f"lines of tests                       {sum(map(line_count, tests)):6}")
    print(f"modules at the root of mer_core      {len(list((root / 'mer_core').glob('*.py'))):6}")
    print(f"modules in mer_core and train        {len(code):6}")
    print(f"longest file                         {files[-1][0]:6}  {files[-1][1].name}")
    print(f"longest function                     {longest:6}  {name}")
    print(f"90th percentile of functions         {np.percentile(lengths, 90):6.0f}")
    print(f"functions over 40 lines              {int((lengths > 40).sum()):6}")


def line_count(path: Path) -> int:
    """Lines of one file."""
    return len(path.read_text("utf-8").splitlines())


def function_lengths(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of each function without its decorators, and its name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.end_lineno - node.lineno + 1, f"{path.stem}.{node.name}"


if __name__ == "__main__":
    main()
