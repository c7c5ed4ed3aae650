"""Runs one file of Python tests and adds its outcomes to a file: pass|fail|skip, name, reason (tab-separated).

usage: run_unittest.py FILE OUTCOMES
"""

import importlib.util
import sys
import unittest
from pathlib import Path


class Recorder(unittest.TextTestResult):
    """Writes each outcome at once, so that a run that is killed has told what it did."""

    outcomes_path: Path

    def record(self, outcome: str, test: object, reason: str = "") -> None:
        with self.outcomes_path.open("a") as out:
            print(outcome, test, " ".join(reason.split()), sep="\t", file=out)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record("pass", test.id())

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record("fail", test.id(), str(err[1])[:300])

    def addError(self, test, err):
        super().addError(test, err)
        self.record("fail", test.id(), f"{err[0].__name__}: {err[1]}"[:300])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.record("fail", subtest.id(), str(err[1])[:300])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record("skip", test.id(), reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.record("fail", test.id(), "an expected failure is no test: mend it or remove it")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.record("fail", test.id(), "it passes although marked as failing")


def load(path: Path) -> unittest.TestSuite:
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main() -> int:
    path, Recorder.outcomes_path = Path(sys.argv[1]), Path(sys.argv[2])
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Recorder)
    try:
        tests = load(path)
    except unittest.SkipTest as skip:
        runner._makeResult().record("skip", path, str(skip))
        return 0
    except Exception as error:  # a file that cannot be imported is a failed test
        runner._makeResult().record("fail", path, f"{type(error).__name__}: {error}")
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    result = runner.run(tests)
    if result.testsRun == 0 and not result.skipped and not result.errors:
        Recorder(runner.stream, True, 2).record("fail", path, "it has no tests")
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
