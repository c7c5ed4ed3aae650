"""What operations_test.py tests, on older PgBouncers."""

import unittest

import operations_test


class OperationsOn124(operations_test.Operations):
    version = "1.24"


class OperationsOn118(operations_test.Operations):
    """It can pause its databases one by one only, and says nothing of a pause of all."""

    version = "1.18"


if __name__ == "__main__":
    unittest.main()
