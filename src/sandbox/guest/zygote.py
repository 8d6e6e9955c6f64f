# Imports what sessions want to find imported, then hands over to the native loop, which returns in each forked session.
import ctypes
import gc
import os
import sys


def _library_lines():
    lines = ['python=%d.%d.%d' % sys.version_info[:3]]
    for name in ('sympy', 'numpy', 'mpmath'):
        module = sys.modules.get(name)
        if module is not None:
            lines.append('%s=%s' % (name, module.__version__))
    for name in ('scipy', 'matplotlib'):
        for folder in sys.path:
            # Read off the folder's name: the import would cost more than everything else here.
            try:
                found = [entry for entry in os.listdir(folder) if entry.lower().startswith(name + '-') and entry.endswith('.dist-info')]
            except OSError:
                continue
            if found:
                lines.append('%s=%s' % (name, found[0][len(name) + 1:-len('.dist-info')]))
                break
    return '\n'.join(lines)


def main(arguments):
    control, limit = int(arguments[0]), int(arguments[1])
    native, sites = arguments[2], arguments[3].split(':')
    sys.path[:] = [entry for entry in sys.path if entry] + [site for site in sites if site]
    sys.argv = ['']
    if hasattr(sys, 'set_int_max_str_digits'):
        sys.set_int_max_str_digits(0)  # as Python 3.9 did; time and output have limits of their own
    try:
        import sympy
        import numpy
        import numpy.random
    except ImportError as error:
        os.write(2, ('cannot import the libraries of the jail: %s\n' % error).encode())
        os._exit(3)
    # What the first cells of sessions would otherwise do again and again.
    x = sympy.Symbol('x')
    sympy.solve(x**2 - 2, x)
    repr(sympy.simplify(x / 3 + sympy.Rational(1, 3)))
    pretty({1: [x]})
    library = ctypes.PyDLL(native)
    library.mc_landlock_read_paths.argtypes = [ctypes.c_char_p]
    library.mc_zygote.argtypes = [ctypes.c_int, ctypes.c_char_p]
    read_paths = arguments[4].encode()
    library.mc_landlock_read_paths(read_paths)
    versions = _library_lines().encode()
    gc.collect()
    gc.freeze()
    worker = library.mc_zygote(control, versions)
    start_worker(worker, limit, os.urandom(16))


main(sys.argv[1:])
