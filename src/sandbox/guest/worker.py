# A session: runs cells in one namespace and answers each. Everything here is at the mercy of the code it runs; sandboxd believes
# none of it further than "this is what the code showed".
import ast
import builtins
import gc
import io
import random
import os
import signal
import struct
import sys
import tokenize
import types

_FRAGMENT = struct.Struct('<B3x16sII')
_PAYLOAD = 32768
_OWN = '<mathcoder>'


def _cut(text, limit):
    if len(text) <= limit:
        return text, False
    half = limit // 2
    return '%s\n... %d characters left out ...\n%s' % (text[:half], len(text) - 2 * half, text[-half:]), True


def _is_quiet(source):
    """True where the last token of the cell is a semicolon: its value is not shown."""
    if ';' not in source:
        return False
    last = ''
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in (tokenize.COMMENT, tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT):
                last = token.string
    except (tokenize.TokenError, SyntaxError):
        return False
    return last == ';'


def _tidy(source):
    """What a notebook does to a cell before it compiles it: blank lines at the start go, a common margin goes."""
    lines = source.splitlines(True)
    while lines and not lines[0].strip():
        del lines[0]
    if lines:
        margin = lines[0][:len(lines[0]) - len(lines[0].lstrip(' \t'))]
        if margin:
            lines = [line[len(margin):] if line.startswith(margin) else line for line in lines]
    return ''.join(lines)


class _Exit:
    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return 'Use %s() to end a program; a notebook has none to end' % self._name

    def __call__(self, code=None):
        raise SystemExit(code)


class Worker:
    def __init__(self, control, limit):
        self.control = control
        self.limit = limit
        self.cells = 0
        self.pid = os.getpid()
        self.running = False
        self.flags = 0
        self.module = types.ModuleType('__main__')
        self.space = self.module.__dict__
        self.space['__builtins__'] = builtins
        sys.modules['__main__'] = self.module
        builtins.display = self.display
        builtins.exit = _Exit('exit')
        builtins.quit = _Exit('quit')
        sys.displayhook = self.display
        # Kept apart from what user code may replace in sys.
        self.stdout = sys.stdout = self._stream(1, 'strict')
        self.stderr = sys.stderr = self._stream(2, 'backslashreplace')
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, 'r', closefd=False)), encoding='utf-8')
        sys.__stdout__, sys.__stderr__, sys.__stdin__ = sys.stdout, sys.stderr, sys.stdin

    @staticmethod
    def _stream(fd, errors):
        raw = io.FileIO(fd, 'w', closefd=False)
        if errors == 'strict':
            errors = 'replace'  # a lone surrogate becomes "?"
        return io.TextIOWrapper(io.BufferedWriter(raw, 8192), encoding='utf-8', errors=errors, line_buffering=True)

    def display(self, *values, **ignored):
        for value in values:
            if value is not None:
                text, cut = pretty(value)
                self.stdout.write(text + '\n')

    def interrupted(self, number, frame):
        if self.running:
            raise KeyboardInterrupt

    def read(self):
        """The next request: nonce and source. None when sandboxd has gone."""
        parts = []
        have = 0
        while True:
            packet = os.read(self.control, _FRAGMENT.size + _PAYLOAD)
            if not packet:
                return None
            kind, nonce, offset, total = _FRAGMENT.unpack_from(packet)
            if offset == 0:
                parts, have = [], 0
            parts.append(packet[_FRAGMENT.size:])
            have += len(packet) - _FRAGMENT.size
            if have >= total:
                return nonce, b''.join(parts)

    def write(self, kind, nonce, message):
        offset = 0
        while True:
            piece = message[offset:offset + _PAYLOAD]
            os.write(self.control, _FRAGMENT.pack(kind, nonce, offset, len(message)) + piece)
            offset += len(piece)
            if offset >= len(message):
                return

    def run(self, source):
        """Returns (failed, truncated, value, traceback, exception), the last three as text."""
        self.cells += 1
        source = _tidy(source)
        name = cell_name(self.cells)
        lines = remember_cell(self.cells, source)
        value = None
        text = trace = exception = ''
        truncated = failed = False
        signal.signal(signal.SIGINT, self.interrupted)
        try:
            self.running = True
            try:
                tree = compile(source, name, 'exec', ast.PyCF_ONLY_AST | self.flags, True)
                last = None
                if tree.body and isinstance(tree.body[-1], ast.Expr):
                    last = ast.Expression(tree.body.pop().value)
                if tree.body:
                    code = compile(tree, name, 'exec', self.flags, True)
                    self.flags |= code.co_flags & _FUTURES
                    exec(code, self.space)
                if last is not None:
                    value = eval(compile(last, name, 'eval', self.flags, True), self.space)
                    if value is not None and not _is_quiet(source):
                        text, truncated = pretty(value, 4 * self.limit)
                        if truncated:
                            text += ' ... (left out: what follows)'
                        if self.space.get('_') is self.last_shown:
                            self.space['_'] = self.last_shown = value
            finally:
                self.running = False
        except BaseException as error:
            failed = True
            self.running = False
            kind = type(error)
            try:
                trace = report(kind, error, error.__traceback__, lambda file: file == _OWN, lines)
                exception = '%s: %s' % (kind.__name__, error.msg) if issubclass(kind, SyntaxError) and hasattr(error, 'msg') else exception_line(kind, error)
            except BaseException as second:
                exception = trace = '%s: (its report failed with %s)' % (kind.__name__, type(second).__name__)
            error = None
        self.figures()
        return failed, truncated, text, trace, exception

    last_shown = None

    @staticmethod
    def figures():
        """A notebook draws what is open at the end of a cell and closes it. A picture is no text: nothing is shown of it."""
        pyplot = sys.modules.get('matplotlib.pyplot')
        if pyplot is not None:
            try:
                pyplot.close('all')
            except BaseException:
                pass

    def flush(self):
        for stream in (sys.stdout, sys.stderr, self.stdout, self.stderr):
            try:
                stream.flush()
            except BaseException:
                pass

    def answer(self, request):
        nonce, source = request
        try:
            outcome = self.run(source.decode('utf-8', 'replace'))
        except BaseException as error:  # an interrupt that came between
            outcome = (True, False, '', type(error).__name__ + ': ', type(error).__name__ + ': ')
        if os.getpid() != self.pid:
            os._exit(0)  # a child that the code forked and did not end: answering is its parent's business
        failed, truncated, *texts = outcome
        self.flush()
        fields = []
        for text in texts:
            text, cut = _cut(text, self.limit)
            truncated = truncated or cut
            data = text.encode('utf-8', 'replace')
            fields.append(struct.pack('<I', len(data)) + data)
        self.write(65, nonce, struct.pack('<BB', failed, truncated) + b''.join(fields))

    def serve(self):
        while True:
            request = self.read()
            if request is None:
                os._exit(0)
            self.answer(request)


_FUTURES = 0
import __future__
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


def start_worker(control, limit, seed):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ['HOME'] = os.environ['MPLCONFIGDIR'] = os.getcwd()
    worker = Worker(control, limit)
    random.seed(seed)
    numpy = sys.modules.get('numpy')
    if numpy is not None:
        numpy.random.seed(int.from_bytes(seed[:4], 'little'))
    worker.write(82, bytes(16), b'')
    while True:
        try:
            worker.serve()
        except KeyboardInterrupt:
            continue
        except (OSError, struct.error):
            os._exit(0)
