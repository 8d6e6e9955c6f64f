# How a notebook writes an exception: a header, frames with a few statements of context around the line, "Type: message".
# Paths of the machine never appear: cells are named, libraries are named from the folder that holds them.
import ast
import linecache
import os
import sys

# Between the parts of a report: sandboxd makes it a line break where people read, a space where the published form is wanted.
SEPARATOR = '\x1f'
_WIDTH = 75
_NUMBER = 7
_AROUND = 2        # statements shown before and after the line
_FRAMES = 50       # shown of a deeper stack: the outer and the inner half


def cell_name(number):
    return '<cell %d>' % number


def remember_cell(number, source):
    lines = [line + '\n' for line in source.splitlines()]
    linecache.cache[cell_name(number)] = (len(source), None, lines, cell_name(number))
    return lines


def _where(filename, line):
    if filename.startswith('<cell ') and filename.endswith('>'):
        return 'Cell In[%s], line %d' % (filename[6:-1], line)
    return 'File %s:%d' % (public_path(filename), line)


def public_path(filename):
    """sympy/core/basic.py for a library's file, python3.11/fractions.py for one of Python's own, else the name alone."""
    for folder in ('/site-packages/', '/dist-packages/'):
        at = filename.rfind(folder)
        if at >= 0:
            return filename[at + len(folder):]
    standard = os.path.dirname(os.__file__)
    if filename.startswith(standard + '/'):
        return os.path.basename(standard) + filename[len(standard):]
    return filename if filename.startswith('<') else os.path.basename(filename)


def _statements(node, start, end):
    """Splits lines [start, end) at the statements below `node`, nested ones too; what lies between is a piece of its own."""
    for field in ('body', 'handlers', 'orelse', 'finalbody', 'cases'):
        for child in getattr(node, field, None) or ():
            if not isinstance(child, ast.AST) or not hasattr(child, '_fields'):
                continue
            first = getattr(child, 'lineno', None)
            if first is None:
                first = child.pattern.lineno
                last = child.body[-1].end_lineno + 1
            else:
                for decorator in getattr(child, 'decorator_list', ()):
                    first = min(first, decorator.lineno)
                last = child.end_lineno + 1
            for inner_start, inner_end in _statements(child, first, last):
                if start < inner_start:
                    yield start, inner_start
                inner_start = max(start, inner_start)
                if inner_start < inner_end:
                    yield inner_start, inner_end
                    start = inner_end
    if start < end:
        yield start, end


def _scope(tree, line):
    """Lines [start, end) of the innermost function or class around `line`."""
    best = None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.lineno <= line <= node.end_lineno:
            if best is None or node.lineno >= best.lineno:
                best = node
    if best is None:
        return 1, 1 << 30
    return min([best.lineno] + [decorator.lineno for decorator in best.decorator_list]), best.end_lineno + 1


def _context(filename, line, whole):
    lines = linecache.getlines(filename)
    if not 1 <= line <= len(lines):
        return []
    pieces = []
    try:
        if len(lines) < 20000:
            tree = ast.parse(''.join(lines))
            first, last = (1, len(lines) + 1) if whole else _scope(tree, line)
            for start, end in _statements(tree, 1, len(lines) + 1):
                while start < end and not lines[start - 1].strip():
                    start += 1
                while end > start and not lines[end - 2].strip():
                    end -= 1
                if start < end and first <= start < last:
                    pieces.append((start, end))
    except (SyntaxError, ValueError, RecursionError):
        pieces = []
    at = next((i for i, (start, end) in enumerate(pieces) if start <= line < end), None)
    if at is None:
        numbers = range(max(1, line - _AROUND), min(len(lines), line + _AROUND) + 1)
    else:
        numbers = [n for start, end in pieces[max(0, at - _AROUND):at + _AROUND + 1] for n in range(start, end)]
    shown = [(n, lines[n - 1].rstrip('\n')) for n in numbers]
    margin = min((len(text) - len(text.lstrip()) for _, text in shown if text.strip()), default=0)
    result = []
    for n, text in shown:
        digits = str(n)
        head = '-' * (_NUMBER - len(digits) - 2) + '> ' + digits if n == line else digits.rjust(_NUMBER)
        result.append(head + ' ' + text[margin:])
    return result


def _arguments(code, variables):
    names = list(code.co_varnames[:code.co_argcount + code.co_kwonlyargcount])
    return '(%s)' % ', '.join(names)


def _frame(frame, line):
    code = frame.f_code
    head = _where(code.co_filename, line)
    if code.co_name != '<module>':
        head += ', in ' + code.co_name + ('' if code.co_name.startswith('<') else _arguments(code, frame.f_locals))
    return '\n'.join([head] + _context(code.co_filename, line, code.co_name == '<module>')) + '\n'


def exception_line(kind, value):
    try:
        message = str(value)
    except Exception:
        message = '<exception str() failed>'
    return '%s: %s' % (kind.__name__, message)


def _syntax_error(error, lines):
    name = error.filename or '<unknown>'
    text = '  ' + _where(name, error.lineno or 0) + '\n'
    source = error.text if error.text else ''
    if not source and error.lineno and 1 <= error.lineno <= len(lines):
        source = lines[error.lineno - 1]
    if source.strip():
        stripped = source.strip()
        text += '    ' + stripped + '\n'
        if error.offset is not None and error.offset > 0:
            skipped = len(source) - len(source.lstrip())
            text += '    ' + ' ' * max(0, error.offset - 1 - skipped) + '^\n'
    return text + '%s: %s' % (type(error).__name__, error.msg)


def report(kind, value, trace, first, lines):
    """The text of an exception, its parts joined by SEPARATOR. `first`: frames of files for which it is true are the sandbox's own
    and left out."""
    if issubclass(kind, SyntaxError) and (trace is None or _innermost_is_ours(trace, first)):
        return _syntax_error(value, lines)
    if kind is SystemExit:
        return exception_line(kind, value)
    parts = []
    chain = []
    seen = set()
    error = value
    while error is not None and id(error) not in seen and len(chain) < 8:
        seen.add(id(error))
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for i in range(len(chain) - 1, -1, -1):
        error = chain[i]
        name = type(error).__name__
        if i == len(chain) - 1:
            parts.append('-' * _WIDTH)
        parts.append(name + 'Traceback (most recent call last)'.rjust(_WIDTH - len(name)))
        frames = []
        step = error.__traceback__ if i else trace
        while step is not None:
            if not first(step.tb_frame.f_code.co_filename):
                frames.append((step.tb_frame, step.tb_lineno))
            step = step.tb_next
        if len(frames) > _FRAMES:
            half = _FRAMES // 2
            left_out = len(frames) - 2 * half
            parts.extend(_frame(*frame) for frame in frames[:half])
            parts.append('    [... skipping %d frames]\n' % left_out)
            parts.extend(_frame(*frame) for frame in frames[-half:])
        else:
            parts.extend(_frame(*frame) for frame in frames)
        parts.append(exception_line(type(error), error))
        if i:
            cause = chain[i - 1].__cause__ is error
            parts.append('\n' + ('The above exception was the direct cause of the following exception:' if cause else
                                 'During handling of the above exception, another exception occurred:') + '\n')
    return SEPARATOR.join(parts)


def _innermost_is_ours(trace, first):
    while trace.tb_next is not None:
        trace = trace.tb_next
    return first(trace.tb_frame.f_code.co_filename)
