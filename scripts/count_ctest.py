"""Outcomes of a ctest run, one line each: pass|fail|skip, name, reason (tab-separated).

usage: count_ctest.py JUNIT_XML GTEST_XML_FOLDER

ctest knows programs; a GoogleTest program tells its cases in GTEST_XML_FOLDER/PROGRAM.xml. A program that failed although all its
cases passed (a leak found at the end, a crash before the XML was written) is one failure more.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def case_outcome(case: ElementTree.Element) -> tuple[str, str]:
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "fail", ""
    skipped = case.find("skipped")
    if skipped is not None or case.get("status") in ("notrun", "disabled") or case.get("result") in ("skipped", "suppressed"):
        return "skip", (skipped.get("message") or "") if skipped is not None else ""
    return "pass", ""


def gtest_cases(path: Path):
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return
    for case in root.iter("testcase"):
        yield f"{path.stem}: {case.get('classname')}.{case.get('name')}", *case_outcome(case)


def outcomes(junit: Path, gtest: Path):
    if not junit.exists():
        yield "ctest", "fail", "it wrote no results"
        return
    for program in ElementTree.parse(junit).getroot().iter("testcase"):
        name = program.get("name")
        outcome, reason = case_outcome(program)
        cases = list(gtest_cases(gtest / f"{name}.xml"))
        yield from cases
        if not cases or (outcome == "fail" and not any(case[1] == "fail" for case in cases)):
            yield name, outcome, reason or ("the program failed, see its output above" if outcome == "fail" else "")


def main() -> None:
    for name, outcome, reason in outcomes(Path(sys.argv[1]), Path(sys.argv[2])):
        print(outcome, name, " ".join(reason.split()), sep="\t")


if __name__ == "__main__":
    main()
