"""When two Python programs are the same: equal syntax trees, with docstrings gone and local names by their order."""

import ast
from collections.abc import Iterable, Iterator

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS.__args__)
DEEPEST = 90  # brackets and indents; the parser's own limits differ between versions


def python_key(source: str) -> str | None:
    """
    Return a text that is equal only for programs that are the same, or None for what is no Python (or nests too deep).

    Names bound in a function (parameters, assignments, loop and comprehension targets, imports, handlers) are replaced
    by their order in it, so that `def f(a): return a` and `def f(b): return b` are one; names of modules, classes and
    what callers can name (attributes, keyword arguments, the parameters of functions that are not lambdas, which may be
    passed by name) stay. Docstrings are left out.
    """
    if _depth(source) > DEEPEST:
        return None
    try:
        tree = ast.parse(source)
        _Renaming().visit(tree)
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _depth(source: str) -> int:
    deepest = depth = 0
    for char in source:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth = max(0, depth - 1)
    indent = max((len(line) - len(line.lstrip(" \t")) for line in source.splitlines()), default=0)
    return max(deepest, indent // 2)


class _Renaming(ast.NodeTransformer):
    """Renames what each function binds. `_scopes`: innermost last; a class, whose names none sees inside, is a set."""

    def __init__(self) -> None:
        self._scopes: list[dict[str, str] | frozenset[str]] = []
        self._made = 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        _undocument(node)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        _undocument(node)
        for outer in (node.bases, node.keywords, node.decorator_list):
            outer[:] = [self.visit(item) for item in outer]
        node.name = self._name(node.name)
        self._scopes.append(frozenset(_stored(_own(node.body))))
        node.body = [self.visit(item) for item in node.body]
        self._scopes.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        _undocument(node)
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        self._signature(node.args)
        node.returns = self.visit(node.returns) if node.returns else None
        node.name = self._name(node.name)
        kept = {argument.arg for argument in _arguments(node.args)}
        self._scopes.append(self._bound(_own(node.body), kept))
        node.body = [self.visit(item) for item in node.body]
        self._scopes.pop()
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._signature(node.args)
        names = [argument.arg for argument in _arguments(node.args)]
        scope = self._bound(_own([node.body]), set())
        scope |= {name: self._fresh() for name in names if name not in scope}
        self._scopes.append(scope)
        for argument in _arguments(node.args):
            argument.arg = scope[argument.arg]
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def _signature(self, args: ast.arguments) -> None:
        """Visit what is evaluated outside the function: defaults and annotations."""
        args.defaults = [self.visit(item) for item in args.defaults]
        args.kw_defaults = [self.visit(item) if item else None for item in args.kw_defaults]
        for argument in _arguments(args):
            argument.annotation = self.visit(argument.annotation) if argument.annotation else None

    def _comprehension(self, node: ast.AST) -> ast.AST:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        generators[0].iter = self.visit(generators[0].iter)  # evaluated outside
        targets = [item for one in generators for item in ast.walk(one.target)]
        self._scopes.append({name: self._fresh() for name in _stored(targets)})
        for index, one in enumerate(generators):
            one.target = self.visit(one.target)
            one.iter = one.iter if index == 0 else self.visit(one.iter)
            one.ifs = [self.visit(item) for item in one.ifs]
        for field in ("key", "value", "elt"):
            if isinstance(getattr(node, field, None), ast.AST):
                setattr(node, field, self.visit(getattr(node, field)))
        self._scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._name(node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._name(node.name) if node.name else None
        return self.generic_visit(node)

    def _bound(self, nodes: Iterable[ast.AST], kept: set[str]) -> dict[str, str]:
        own = list(nodes)
        declared = {name for n in own if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
        imported = {
            (alias.asname or alias.name).partition(".")[0]
            for n in own
            if isinstance(n, ast.Import | ast.ImportFrom)
            for alias in n.names
        }
        # A name that an import or a pattern binds is spelled in a place that is not renamed, so it stays everywhere.
        fixed = kept | declared | imported | set(_matched(own))
        names = dict.fromkeys(name for name in _stored(own) if name not in fixed)
        return {name: self._fresh() for name in names} | {name: name for name in sorted(fixed - declared)}

    def _fresh(self) -> str:
        self._made += 1
        return f"\0{self._made}"  # no program can spell it

    def _name(self, name: str) -> str:
        inner = self._scopes[-1] if self._scopes else {}
        outer = self._outer(name)
        # In a class's own body a name that it binds may still be the outer one when it is read: it is told by both.
        return f"{name}\0{outer}" if isinstance(inner, frozenset) and name in inner else outer

    def _outer(self, name: str) -> str:
        functions = (scope for scope in reversed(self._scopes) if isinstance(scope, dict))
        return next((scope[name] for scope in functions if name in scope), name)


def _undocument(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def _arguments(args: ast.arguments) -> list[ast.arg]:
    rest = [one for one in (args.vararg, args.kwarg) if one is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *rest]


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a function's own scope, in order; of inner scopes only the node that opens them."""
    for node in body:
        yield node
        if isinstance(node, _SCOPES):
            continue
        yield from _own(ast.iter_child_nodes(node))


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            yield node.name


def _matched(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        name = getattr(node, "rest", None) if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
        if isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
            yield name
