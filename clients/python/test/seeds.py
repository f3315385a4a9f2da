"""Runs the libraries' own, unmodified test files against the drop-ins: seeds.py DIR

DIR holds one folder per library, each with its tests/ (pytest).  A library's name is bound to its drop-in, so that its
tests import it as ever.  Prints what passed per library; a test that is expected to differ is named in EXPECTED with the
reason that doc/migration.md gives, and anything else that fails, or passes against expectation, is red.
"""
import importlib
import pathlib
import sys

import pytest

# folder: (name of the module, its drop-in)
LIBRARIES = {
    "tool-result-cache": ("tool_result_cache", "agentcore.dropin.tool_result_cache"),
    "agent-tool-result-cache": ("agent_tool_result_cache", "agentcore.dropin.tool_result_cache"),
    "token-budget-py": ("token_budget", "agentcore.dropin.token_budget"),
    "llm-retry-py": ("llm_retry", "agentcore.dropin.llm_retry"),
    "tool-arg-coerce-py": ("tool_arg_coerce", "agentcore.dropin.tool_arg_coerce"),
}
CHANGES_MEANING = "it may change what was meant"
EXPECTED = {
    **{f"test_coerce.py::test_bool_truthy_falsy_strings[{case}]": f"0, 1, yes and no are no booleans: {CHANGES_MEANING}"
       for case in ("1-True", "0-False", "yes-True", "no-False")},
    "test_coerce.py::test_int_0_1_to_bool": f"a number never becomes a boolean: {CHANGES_MEANING}",
    "test_coerce.py::test_coerce_nested_object_recursed": "yes is no boolean",
    **{f"test_coerce.py::test_str_to_null[{case}]": f"a text never becomes null: {CHANGES_MEANING}" for case in ("null", "None", "")},
    "test_coerce.py::test_invalid_json_string_falls_back": "a plain text for a list becomes a list of one",
    "test_coerce.py::test_array_json_string_wrong_shape_falls_back": "one value for a list becomes a list of one",
    "test_coerce.py::test_uncoercible_type_to_int_falls_back": "a list of one for a number becomes its element",
    "test_coerce.py::test_uncoercible_type_to_number_falls_back": "a list of one for a number becomes its element",
}


class Outcomes:
    """Counts a run, test by test."""

    def __init__(self):
        self.passed, self.failed = [], {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("/")[-1]
        if report.failed:
            self.failed[name] = report.longreprtext
        elif report.when == "call" and report.passed:
            self.passed.append(name)


def run(folder, name, dropin):
    sys.modules[name] = importlib.import_module(dropin)
    outcomes = Outcomes()
    pytest.main([str(folder), "-q", "-p", "no:cacheprovider", "--asyncio-mode=auto", "--import-mode=importlib", "--no-header", "--no-summary", f"--rootdir={folder}"],
                plugins=[outcomes])
    return outcomes


def main():
    top = pathlib.Path(sys.argv[1])
    good = bad = 0
    for folder, (name, dropin) in LIBRARIES.items():
        if not (top / folder / "tests").is_dir():
            print(f"*** {folder}: {top / folder}/tests is absent, so its own tests were not run")
            continue
        outcomes = run(top / folder / "tests", name, dropin)
        differ = {test for test in outcomes.failed if test in EXPECTED}
        wrong = {test: why for test, why in outcomes.failed.items() if test not in EXPECTED}
        late = [test for test in outcomes.passed if test in EXPECTED]
        print(f"{folder}: {len(outcomes.passed)} of {len(outcomes.passed) + len(outcomes.failed)} of its own tests pass")
        for test in sorted(differ):
            print(f"  differs: {test}: {EXPECTED[test]}")
        for test, why in sorted(wrong.items()):
            print(f"  FAILED {test}\n{why}")
        for test in late:
            print(f"  FAILED {test}: it passes, so EXPECTED is out of date")
        if not outcomes.passed:
            print(f"  FAILED {folder}: not one test ran")
        good += len(outcomes.passed) + len(differ) - len(late)
        bad += len(wrong) + len(late) + (not outcomes.passed)
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
