"""Golden cases as tests of pytest. Imported by the plugin (`steady.testing`), only where such a file is collected."""

from collections.abc import Iterator
from typing import Any

import pytest

from steady.errors import ConfigError, SteadyError
from steady.policy.resolved import Resolved
from steady.studies.cases import Suite, read
from steady.studies.golden import policy_of, run_case


class Failed(SteadyError):
    """A case came out otherwise; the text says how."""


class Cases(pytest.File):
    """A file of golden cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield its cases. A file with problems is an error of the collection, told by line."""
        try:
            suite = read(self.path)
            policy = policy_of(suite)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        for index, case in enumerate(suite.cases):
            yield One.from_parent(self, name=case.name, suite=suite, policy=policy, index=index)


class One(pytest.Item):
    """One case."""

    def __init__(self, *, suite: Suite, policy: Resolved, index: int, **more: Any) -> None:
        super().__init__(**more)
        self._suite, self._policy, self._index = suite, policy, index

    def runtest(self) -> None:
        """Run it."""
        result = run_case(self._suite, self._index, self._policy)
        if not result.passed:
            raise Failed(str(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what differs, without a traceback through Steady."""
        if isinstance(excinfo.value, Failed):
            return excinfo.value.args[0]
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return where the case stands."""
        return self.path, self._suite.line(self._index) - 1, self.name
