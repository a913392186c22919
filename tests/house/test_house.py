"""The house: floors, no cycles, sizes, an exact public face, nothing done at import."""

import ast
import subprocess
import sys
from pathlib import Path

import steady

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "steady"
FLOOR = {
    "errors": 0, "types": 0, "rules": 1, "consensus": 1, "providers": 1, "records": 1, "stats": 1, "policy": 2,
    "pipeline": 3, "studies": 4, "migration": 4, "decorator": 4, "server": 5, "testing": 5, "cli": 6,
}  # fmt: skip
MODULES = sorted(SRC.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imported(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    return {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("steady.")}


def test_rooms_import_only_from_the_floors_below() -> None:
    climbing = [
        f"{path.relative_to(SRC)} imports {module}"
        for path in MODULES
        if room(path) != "__init__"
        for module in sorted(imported(path))
        if (other := module.split(".")[1]) != room(path) and FLOOR[other] >= FLOOR[room(path)]
    ]

    assert climbing == []


def test_no_module_is_in_an_import_cycle() -> None:
    graph = {
        ".".join(path.relative_to(SRC.parent).with_suffix("").parts): imported(path, top_only=True) for path in MODULES
    }

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            at = todo.pop()
            if at in graph and at not in seen:
                seen.add(at)
                todo += graph[at]
        return seen

    assert [name for name in sorted(graph) if name in reach(name)] == []


def test_no_file_is_over_400_lines_and_no_function_over_60() -> None:
    long_files = [f"{p.relative_to(SRC)}" for p in MODULES if p.read_text().count("\n") > 400]
    long_functions = [
        f"{p.relative_to(SRC)}:{node.name}"
        for p in MODULES
        for node in ast.walk(ast.parse(p.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long_files == []
    assert long_functions == []


def test_the_public_face_is_exact_and_sorted() -> None:
    assert steady.__all__ == sorted(steady.__all__, key=lambda name: (name.islower(), name))
    assert all(getattr(steady, name) is not None for name in steady.__all__)


def test_importing_steady_loads_no_heavy_library() -> None:
    """A user's program must not pay for parts that it does not use; the time itself is a benchmark's affair."""
    heavy = {"litellm", "guardrails", "openai", "pydantic", "sqlalchemy", "prometheus_client", "jsonschema", "msgspec"}
    code = f"import sys, steady; print(sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_project_names_no_registry_host_and_no_path_of_a_machine() -> None:
    words = ["pypi" + ".org", "python" + "hosted", "npmjs" + ".org", "/wo" + "rk/", "/ro" + "ot/"]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = [
        f"{name}: {word}"
        for name in tracked
        if (ROOT / name).is_file() and not name.endswith((".png", ".gguf"))
        for word in words
        if word in (ROOT / name).read_text(errors="replace")
    ]

    assert found == []


def test_no_test_uses_a_mock_library() -> None:
    banned = ["unittest" + ".mock", "Magic" + "Mock"]
    using = [p.name for p in (ROOT / "tests").rglob("*.py") for word in banned if word in p.read_text()]

    assert using == []
