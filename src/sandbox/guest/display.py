# How a notebook writes the value of an expression: containers that do not fit in 79 columns are broken one item a line, sets are
# sorted, long sequences are cut. A streaming printer with groups, after Oppen's algorithm ("Prettyprinting", 1980).
import collections
import inspect
import types


class _Group:
    __slots__ = ('depth', 'pending', 'broken')

    def __init__(self, depth):
        self.depth = depth
        self.pending = 0      # line breaks of this group that still wait in the buffer
        self.broken = False


class Printer:
    WIDTH = 79
    LONGEST = 1000            # items of a sequence
    DEEPEST = 60              # nested containers

    def __init__(self, limit):
        self.out = []
        self.column = 0
        self.waiting = collections.deque()  # (text, None, 0) or (separator, group, indent)
        self.waiting_width = 0
        self.indent = 0
        self.stack = [_Group(0)]
        self.open = [[self.stack[0]]]       # groups by depth that may still be broken
        self.seen = set()
        self.size = 0
        self.limit = limit                  # characters; beyond it nothing is added

    def text(self, text):
        if self.size + len(text) > self.limit:
            self.waiting.append((text[:max(0, self.limit - self.size)], None, 0))
            raise TooLong
        self.size += len(text)
        if self.waiting:
            self.waiting.append((text, None, 0))
            self.waiting_width += len(text)
            self._break_outer()
        else:
            self.out.append(text)
            self.column += len(text)

    def breakable(self, separator=' '):
        group = self.stack[-1]
        if group.broken:
            self.newline()
        else:
            group.pending += 1
            self.waiting.append((separator, group, self.indent))
            self.waiting_width += len(separator)
            self._break_outer()

    def newline(self):
        self.flush()
        self.out.append('\n' + ' ' * self.indent)
        self.column = self.indent

    def flush(self):
        while self.waiting:
            self._emit()

    def _emit(self):
        text, group, indent = self.waiting.popleft()
        self.waiting_width -= len(text)
        if group is not None:
            group.pending -= 1
            if group.broken:
                self.out.append('\n' + ' ' * indent)
                self.column = indent
                return
        self.out.append(text)
        self.column += len(text)

    def _break_outer(self):
        while self.column + self.waiting_width > self.WIDTH:
            group = self._outermost()
            if group is None:
                return
            group.broken = True
            while group.pending:
                self._emit()
            while self.waiting and self.waiting[0][1] is None:
                self._emit()

    def _outermost(self):
        for groups in self.open:
            for i in range(len(groups) - 1, -1, -1):
                if groups[i].pending:
                    return groups.pop(i)
            for group in groups:
                group.broken = True
            del groups[:]
        return None

    def begin(self, indent, text):
        self.text(text)
        group = _Group(self.stack[-1].depth + 1)
        self.stack.append(group)
        while len(self.open) <= group.depth:
            self.open.append([])
        self.open[group.depth].append(group)
        self.indent += indent

    def end(self, indent, text):
        self.indent -= indent
        group = self.stack.pop()
        if not group.pending and group in self.open[group.depth]:
            self.open[group.depth].remove(group)
        self.text(text)

    def items(self, values):
        for i, value in enumerate(values):
            if i:
                self.text(',')
                self.breakable()
            if i == self.LONGEST:
                self.text('...')
                return
            yield value

    def value(self, value):
        kind = type(value)
        if id(value) in self.seen and kind in _CONTAINERS:
            return self.text(_CONTAINERS[kind])
        if len(self.stack) > self.DEEPEST:
            return self.text('...')
        self.seen.add(id(value))
        try:
            for cls in kind.__mro__:
                write = _WRITERS.get(cls)
                if write is not None:
                    return write(self, value)
                if cls is object:
                    break
                if callable(cls.__dict__.get('__repr__')):
                    return _write_repr(self, value)
            if kind.__repr__ is not object.__repr__:
                return _write_repr(self, value)
            self.text('<%s at 0x%x>' % (_type_name(kind), id(value)))
        finally:
            self.seen.discard(id(value))


class TooLong(Exception):
    pass


def _write_repr(printer, value):
    for i, line in enumerate(repr(value).splitlines()):
        if i:
            printer.newline()
        printer.text(line)


def _sorted(values):
    try:
        return sorted(values)
    except Exception:
        try:
            return sorted(values, key=str)
        except Exception:
            return list(values)


def _overrides(value, base):
    kind = type(value)
    return kind is not base and kind.__repr__ != base.__repr__


def _sequence(base, start, end):
    def write(printer, value):
        if _overrides(value, base):
            return printer.text(repr(value))
        printer.begin(len(start), start)
        for item in printer.items(value):
            printer.value(item)
        if base is tuple and len(value) == 1:
            printer.text(',')
        printer.end(len(start), end)
    return write


def _set(base, start, end, empty):
    def write(printer, value):
        if _overrides(value, base):
            return printer.text(repr(value))
        if not value:
            return printer.text(empty)
        printer.begin(len(start), start)
        for item in printer.items(_sorted(value) if len(value) < printer.LONGEST else value):
            printer.value(item)
        printer.end(len(start), end)
    return write


def _dict(printer, value):
    if _overrides(value, dict):
        return printer.text(repr(value))
    printer.begin(1, '{')
    for key in printer.items(value):
        printer.value(key)
        printer.text(': ')
        printer.value(value[key])
    printer.end(1, '}')


def _call(name, arguments):
    def write(printer, value):
        start = type(value).__name__ + '('
        printer.begin(len(start), start)
        for item in printer.items(arguments(value)):
            printer.value(item)
        printer.end(len(start), ')')
    return write


def _type_name(kind):
    module = getattr(kind, '__module__', None)
    name = getattr(kind, '__qualname__', None) or kind.__name__
    return name if module in (None, 'builtins', 'exceptions') else '%s.%s' % (module, name)


def _type(printer, value):
    if type(value).__repr__ not in (type.__repr__, object.__repr__):
        return _write_repr(printer, value)
    printer.text(_type_name(value))


def _function(printer, value):
    name = getattr(value, '__qualname__', None) or value.__name__
    module = value.__module__
    if module and module not in ('builtins', 'exceptions'):
        name = module + '.' + name
    try:
        name += str(inspect.signature(value))
    except ValueError:
        pass
    printer.text('<function %s>' % name)


def _exception(printer, value):
    start = _type_name(type(value)) + '('
    printer.begin(len(start), start)
    for item in printer.items(getattr(value, 'args', ())):
        printer.value(item)
    printer.end(len(start), ')')


_CONTAINERS = {list: '[...]', tuple: '(...)', dict: '{...}', set: '{...}', frozenset: '{...}'}
_WRITERS = {
    list: _sequence(list, '[', ']'),
    tuple: _sequence(tuple, '(', ')'),
    set: _set(set, '{', '}', 'set()'),
    frozenset: _set(frozenset, 'frozenset({', '})', 'frozenset()'),
    dict: _dict,
    type: _type,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
    BaseException: _exception,
    collections.Counter: _call('Counter', lambda v: [dict(v.most_common())] if v else []),
    collections.defaultdict: _call('defaultdict', lambda v: [v.default_factory, dict(v)]),
    collections.OrderedDict: _call('OrderedDict', lambda v: [list(v.items())] if v else []),
    collections.deque: _call('deque', lambda v: [list(v)] + ([v.maxlen] if v.maxlen is not None else [])),
}


def pretty(value, limit=1 << 22):
    """The text of `value`, and whether it was cut at about `limit` characters."""
    printer = Printer(limit)
    cut = False
    try:
        printer.value(value)
    except TooLong:
        cut = True
    printer.flush()
    return ''.join(printer.out), cut
