#!/usr/bin/env python3
"""`mathcoder grade` against SymPy: random expressions over the whole grammar, printed and rewritten by a program that shares nothing
with the reader or with the equality.

Each expression gives up to three pairs: its plain text and its LaTeX (equal), itself and a rewriting (equal), itself and a small change
whose difference SymPy confirms (different). No different pair may be graded correct; at least 98% of the equal ones must be.
Prints its seed and a table by kind. MATHCODER_SEED: another seed; MATHCODER_ORACLE_COUNT: more or fewer expressions;
MATHCODER_ORACLE_FAILURES: a file for every pair that failed. Skips where no Python has SymPy (the jail's environment does).
"""
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = 77  # ctest's SKIP_RETURN_CODE

try:
    import sympy as sp
except ImportError:
    JAIL = Path(os.environ.get("MATHCODER_SYMPY_PYTHON", ROOT / "build/deps/python/current/bin/python3"))
    if JAIL.exists() and not os.environ.get("MATHCODER_ORACLE_CHILD"):
        os.execve(JAIL, [str(JAIL), *sys.argv], {**os.environ, "MATHCODER_ORACLE_CHILD": "1"})
    print("SKIPPED: no SymPy here and none in the jail's Python (scripts/make-jail-python current)")
    sys.exit(SKIPPED)

from sympy import Rational as Q

BIN = os.environ.get("MATHCODER_BIN", str(ROOT / "build/release/bin/mathcoder"))
SEED = int(os.environ.get("MATHCODER_SEED", "20234"))
COUNT = int(os.environ.get("MATHCODER_ORACLE_COUNT", "2000"))
LEAST = 0.98
REWRITING_SECONDS = 0.3

x, y, z, t = sp.symbols("x y z t")
PLAIN = (x, y, z, t)
NAMED = sp.symbols("a b c alpha beta theta phi mu omega x_1 x_2 y_0 theta_3 a_12")
n, k = sp.symbols("n k", integer=True)

Pair = collections.namedtuple("Pair", "kind way gold pred equal")


class TooSlow(Exception):
    pass


def limited(work):
    """work(), or None where it raises or takes longer than a rewriting may."""

    def stop(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, REWRITING_SECONDS)
    try:
        return work()
    except (TooSlow, Exception):  # SymPy raises nearly anything; an expression less is no loss
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Grammar:
    """Random expressions. Every method named like a kind returns one."""

    def __init__(self, rng):
        self.rng = rng

    def integer(self, least=-9, most=9):
        return sp.Integer(self.rng.choice([v for v in range(least, most + 1) if v != 0]))

    def rational(self):
        return Q(self.rng.randint(-20, 20) or 1, self.rng.randint(1, 12))

    def polynomial(self, symbols=PLAIN, terms=4, degree=3):
        chosen = self.rng.sample(symbols, self.rng.randint(1, 2))
        return sp.Add(*[self.rational() * sp.Mul(*[s ** self.rng.randint(0, degree) for s in chosen])
                        for _ in range(self.rng.randint(2, terms))])

    def linear(self):
        return self.integer() * self.rng.choice(PLAIN) + self.integer()

    def factored(self):
        return self.integer() * sp.Mul(*[self.linear() ** self.rng.randint(1, 2) for _ in range(self.rng.randint(2, 3))])

    def fraction(self):
        return self.polynomial(terms=3, degree=2) / self.rng.choice([self.linear(), self.linear() * self.linear(), self.integer() * x ** 2])

    def constant(self):
        """Numbers that no decimal states."""
        part = lambda: self.rng.choice([sp.sqrt(abs(self.integer())), abs(self.rational()) ** Q(1, self.rng.randint(2, 4)), sp.pi, sp.E,
                                        sp.log(self.rng.randint(2, 9)), self.rational()])
        return self.rational() * part() + self.rng.choice([1, -1]) * part()

    def number(self):
        return self.rng.choice([self.rational(), self.integer(-10 ** 9, -1) if self.rng.random() < 0.1 else self.rational(),
                                sp.Integer(self.rng.randint(2, 9)) ** self.rng.randint(10, 60)])

    def power(self):
        base = self.rng.choice([*PLAIN, self.linear()])
        return base ** self.rng.choice([Q(1, 2), Q(1, 3), Q(-1, 2), Q(3, 2), -2, -1, y, self.integer(2, 7)]) * self.rational()

    def radical(self):
        return sp.sqrt(self.rng.randint(2, 40) + self.rng.choice([sp.sqrt(self.rng.randint(2, 20)), 0, x ** 2 + 1])) + self.rational()

    def trigonometric(self):
        f, g = self.rng.choices([sp.sin, sp.cos, sp.tan, sp.sec, sp.csc, sp.cot], [4, 4, 2, 1, 1, 1], k=2)
        u, v = self.rng.choice(PLAIN), self.rng.choice(PLAIN)
        return self.rng.choice([f(self.integer(1, 3) * u) + g(v) ** self.rng.randint(1, 3), f(u) * g(v), f(u + v), f(u) ** 2 - g(u),
                                f(Q(self.rng.randint(1, 11), 12) * sp.pi) + self.rational(), f(u + sp.pi / self.rng.randint(2, 6))])

    def inverse(self):
        f = self.rng.choice([sp.asin, sp.acos, sp.atan, sp.asinh, sp.acot, sp.acosh, sp.atanh])
        return f(self.rng.choice([x, x / 2, x ** 2, Q(1, self.rng.randint(2, 5))])) * self.rational() + self.rng.choice([0, x, 1])

    def hyperbolic(self):
        f, g = self.rng.choices([sp.sinh, sp.cosh, sp.tanh], k=2)
        return self.rng.choice([f(x) * g(y), f(2 * x) - g(x) ** 2, f(x + y), f(x / 2) + self.rational()])

    def exponential(self):
        return self.rng.choice([sp.exp(self.linear()) * self.rational(), sp.exp(x) * sp.exp(-y / 2) + self.rational(), sp.exp(-x ** 2 / 2) * x,
                                self.integer(2, 5) ** x * self.rational(), (sp.exp(x) + 1) ** 2, sp.exp(x) / (sp.exp(x) + 1)])

    def logarithm(self):
        return self.rng.choice([sp.log(x) * self.rational() + sp.log(y), sp.log(x ** 2 + self.integer(1, 5)), sp.log(x, 2), x * sp.log(x) - x,
                                sp.log(self.integer(2, 9), self.integer(2, 7)), sp.log(abs(self.rational())) + sp.log(3), sp.log(sp.log(x))])

    def counting(self):
        return self.rng.choice([sp.factorial(n) / self.integer(1, 9), sp.binomial(n, self.rng.randint(1, 4)),
                                sp.factorial(n + 1) / sp.factorial(n - 1), sp.binomial(n + 1, 2) - n, sp.factorial(self.rng.randint(5, 20)),
                                sp.binomial(self.rng.randint(10, 30), self.rng.randint(2, 9)),
                                sp.factorial(k) * (k + 1)])

    def absolute(self):
        return self.rng.choice([sp.Abs(self.linear()) + self.rational(), sp.Abs(x - y) * 2, sp.Abs(x) * sp.Abs(y), sp.Abs(sp.Abs(x) - 3)])

    def rounded(self):
        f = self.rng.choice([sp.floor, sp.ceiling])
        return self.rng.choice([f(x / self.integer(2, 5)) + self.rational(), f(x) * 2 + f(y), f(self.constant()) * self.integer(2, 5) + x])

    def extreme(self):
        f = self.rng.choice([sp.Max, sp.Min])
        return f(x, self.rng.choice([y, self.integer(), x ** 2])) + self.rational()

    def complex(self):
        a, b, c = self.rational(), self.rational(), self.integer()
        return self.rng.choice([a + b * sp.I, (c + sp.I) ** self.rng.randint(2, 5), 1 / (c + 2 * sp.I),
                                sp.exp(sp.I * sp.pi * Q(self.rng.randint(1, 11), 6)),
                                a * sp.sqrt(3) * sp.I + b, sp.exp(sp.I * x) * c, (x + sp.I * y) ** 2])

    def named(self):
        return self.polynomial(symbols=NAMED) * self.rng.choice([1, self.rng.choice(NAMED), sp.pi])

    def mixed(self):
        parts = [self.rng.choice([self.polynomial, self.trigonometric, self.exponential, self.radical, self.power, self.named, self.logarithm])()
                 for _ in range(2)]
        return self.rng.choice([parts[0] + parts[1], parts[0] * parts[1], parts[0] / parts[1]])

    def derivative(self):
        inside = [self.polynomial(symbols=(x, y)) * x, sp.sin(x) * x, sp.exp(2 * x), x * sp.log(x), x ** self.rng.randint(2, 9)]
        return sp.Derivative(self.rng.choice(inside), x)

    def integral(self):
        low = self.rng.randint(-3, 2)
        return sp.Integral(self.rng.choice([self.polynomial(symbols=(x, x)), sp.cos(x), sp.exp(x), x ** self.rng.randint(1, 6)]),
                           (x, low, low + self.rng.randint(1, 4)))

    def sum(self):
        low = self.rng.randint(0, 2)
        return self.rng.choice([sp.Sum, sp.Sum, sp.Product])(
            self.rng.choice([k ** self.rng.randint(1, 3), k * self.rational(), 1 / (k + 1), 2 ** k, k + x, k ** 2 + 1]),
            (k, low + 1, low + self.rng.randint(2, 9)))

    def limit(self):
        return self.rng.choice([sp.Limit((x ** 2 - self.integer(1, 5) ** 2) / (x + 7), x, self.integer(1, 4)),
                                sp.Limit(sp.sin(self.integer(1, 5) * x) / x, x, 0),
                                sp.Limit(self.linear().subs({y: x, z: x, t: x}), x, self.integer()),
                                sp.Limit((self.integer() * x + 1) / (self.integer(1, 5) * x - 2), x, sp.oo)])

    # Collections: what they hold is changed in one place.
    def element(self):
        return self.rng.choice([self.integer, self.rational, self.constant, self.linear])()

    def matrix(self):
        rows, columns = self.rng.randint(1, 3), self.rng.randint(2, 3)
        return sp.ImmutableMatrix(rows, columns, lambda *_: self.element())

    def product(self):
        a, b = (sp.ImmutableMatrix(2, 2, lambda *_: self.integer()) for _ in range(2))
        return self.rng.choice([sp.MatMul(a, b), sp.MatAdd(a, b), sp.MatMul(self.rational() + 3, a), sp.Transpose(a), sp.MatPow(a, 2)])

    def set(self):
        return sp.FiniteSet(*[self.element() for _ in range(self.rng.randint(2, 4))])

    def tuple(self):
        return sp.Tuple(*[self.element() for _ in range(self.rng.randint(2, 4))])

    def interval(self):
        ends = sorted({self.rational(), self.rational() + 5, self.rational() + 10, self.rational() + 15})
        one = lambda a, b: sp.Interval(a, b, self.rng.random() < 0.5, self.rng.random() < 0.5)
        if len(ends) < 4 or self.rng.random() < 0.4:
            half_lines = [sp.Interval(ends[0], sp.oo, self.rng.random() < 0.5), sp.Interval(-sp.oo, ends[0])]
            return self.rng.choice([one(ends[0], ends[-1]), *half_lines])
        return sp.Union(one(ends[0], ends[1]), self.rng.choice([one(ends[2], ends[3]), sp.Interval.open(ends[2], sp.oo)]))

    def piecewise(self):
        at = self.integer()
        below = self.rng.choice([x < at, x <= at])
        return sp.Piecewise((self.linear().subs({y: x, z: x, t: x}), below), (x ** 2 + self.rational(), self.rng.choice([True, sp.Not(below)])))

    def equation(self):
        return sp.Eq(self.polynomial(terms=3), self.linear() + y, evaluate=False)

    def inequality(self):
        side = self.rng.choice([self.rational(), y * self.integer()])
        return self.rng.choice([sp.Lt, sp.Le, sp.Gt, sp.Ge])(self.integer() * x + self.rational(), side)

    def compound(self):
        """Two bounds on one variable, both or either of which hold."""
        low, high = sorted(self.rng.sample(range(-9, 10), 2))
        above, below = self.rng.choice([x > low, x >= low]), self.rng.choice([x < high, x <= high])
        under, over = self.rng.choice([x < low, x <= low]), self.rng.choice([x > high, x >= high])
        return self.rng.choice([sp.And(above, below), sp.Or(under, over)])

    def tower(self):
        """A term that hides the others from floating point."""
        large = self.rng.choice([sp.exp(self.rng.randint(50, 2000)), sp.Integer(10) ** self.rng.randint(20, 900), sp.pi ** self.rng.randint(50, 900)])
        return large + self.rng.choice([sp.sin(x), sp.sqrt(x), x, sp.log(x), sp.sqrt(2), sp.pi]) * self.integer()


SCALARS = ["polynomial", "factored", "fraction", "constant", "number", "power", "radical", "trigonometric", "inverse", "hyperbolic", "exponential",
           "logarithm", "counting", "absolute", "rounded", "extreme", "complex", "named", "mixed", "tower"]
TO_DO = ["derivative", "integral", "sum", "limit", "product"]  # held unevaluated: the rewriting is their value
COLLECTIONS = ["matrix", "set", "tuple", "interval", "piecewise", "equation", "inequality", "compound"]
WRITTEN = ["arithmetic", "decimal"]  # text on both sides, since SymPy would compute them at once


def written_pairs(kind, rng):
    """Forms that a SymPy expression cannot hold: [(gold, pred, equal)]."""
    if kind == "decimal":
        value = Q(rng.randint(1, 99999), 10 ** rng.randint(1, 4))
        text = str(sp.Float(value, 20)).rstrip("0").rstrip(".")
        return [(text, sp.latex(value), True), (f"{sp.latex(value)}", text, True), (text, str(value + Q(1, 10 ** 5)), False)]
    a, b, c = rng.randint(2, 60), rng.randint(2, 60), rng.randint(2, 9)
    plain, latex, value = rng.choice([
        (f"gcd({a}, {b})", rf"\gcd\left({a}, {b}\right)", sp.gcd(a, b)),
        (f"lcm({a}, {b})", rf"\operatorname{{lcm}}({a},{b})", sp.lcm(a, b)),
        (f"Mod({a}, {c})", rf"{a} \bmod {c}", sp.Integer(a % c)),
        (f"{a}/{b} + 1/{c}", rf"\frac{{{a}}}{{{b}}} + \frac{{1}}{{{c}}}", Q(a, b) + Q(1, c)),
        (f"({a} - {b})*{c}", rf"\left({a} - {b}\right) \cdot {c}", sp.Integer((a - b) * c)),
        (f"{c}**3 - {a}", rf"{c}^{{3}} - {a}", sp.Integer(c ** 3 - a)),
        (f"-({a} - {b}/{c})", rf"-\left({a} - \frac{{{b}}}{{{c}}}\right)", -(a - Q(b, c))),
        (f"|{a} - {b}|", rf"\left|{a} - {b}\right|", sp.Integer(abs(a - b))),
        (f"log({c}^{a % 5 + 1}, {c})", rf"\log_{{{c}}}{{{c}^{{{a % 5 + 1}}}}}", sp.Integer(a % 5 + 1)),
        (f"floor({a}/{c})", rf"\left\lfloor \frac{{{a}}}{{{c}}} \right\rfloor", sp.Integer(a // c))])
    return [(plain, latex, True), (plain, str(value), True), (sp.latex(value), plain, True), (plain, sp.latex(value + Q(1, 7)), False)]


REWRITINGS = {
    "expand": lambda e: sp.expand(e), "factor": lambda e: sp.factor(e), "together": lambda e: sp.together(e),
    "cancel": lambda e: sp.cancel(e), "apart": lambda e: sp.apart(e, x), "trigsimp": lambda e: sp.trigsimp(e), "simplify": lambda e: sp.simplify(e),
    "rewrite(exp)": lambda e: e.rewrite(sp.exp), "expand_trig": lambda e: sp.expand_trig(e), "radsimp": lambda e: sp.radsimp(e),
    "powsimp": lambda e: sp.powsimp(e), "collect": lambda e: sp.collect(sp.expand(e), x), "sqrtdenest": lambda e: sp.sqrtdenest(e),
    "rewrite(sin)": lambda e: e.rewrite(sp.sin), "rewrite(factorial)": lambda e: e.rewrite(sp.factorial), "combsimp": lambda e: sp.combsimp(e),
    }
OFTEN = {"trigonometric": ["trigsimp", "expand_trig", "rewrite(exp)", "simplify", "rewrite(sin)"],
         "hyperbolic": ["rewrite(exp)", "expand_trig", "simplify"],
         "counting": ["combsimp", "simplify", "rewrite(factorial)"], "constant": ["radsimp", "together", "simplify", "expand"],
         "complex": ["expand", "simplify"],
         "radical": ["sqrtdenest", "radsimp", "simplify"], "fraction": ["apart", "together", "cancel", "factor"],
         "inverse": ["expand", "together", "factor"]}


def reordered(expression, rng):
    """The same terms and factors in another order, as text: SymPy itself would sort them."""
    if expression.is_Add and len(expression.args) > 1:
        terms = [f"({term})" for term in expression.args]
        rng.shuffle(terms)
        return " + ".join(terms)
    if expression.is_Mul and len(expression.args) > 1:
        factors = [f"({factor})" for factor in expression.args]
        rng.shuffle(factors)
        return "*".join(factors)
    return f"({expression})"


def rewritten(kind, expression, rng):
    """(name, an equal expression or a text), or None."""
    if kind in TO_DO:
        return ("doit", limited(expression.doit))
    if kind == "equation":
        factor = rng.choice([2, -3, Q(1, 2), 7])
        sides = [sp.expand(factor * expression.lhs), sp.expand(factor * expression.rhs)]
        return rng.choice([("scale", sp.Eq(*sides, evaluate=False)),
                           ("to one side", sp.Eq(sp.expand(expression.lhs - expression.rhs), 0, evaluate=False)),
                           ("swap", sp.Eq(expression.rhs, expression.lhs, evaluate=False))])
    if kind == "inequality":
        factor = rng.choice([2, Q(1, 3), 5])
        scaled = expression.func(sp.expand(factor * expression.lhs), sp.expand(factor * expression.rhs))
        return rng.choice([("reverse", expression.reversed), ("scale", scaled)])
    if kind in ("set", "tuple", "matrix"):
        change = rng.choice([sp.radsimp, sp.together, sp.expand])
        if kind == "set":
            members = [str(limited(lambda m=m: change(m)) or m) for m in expression.args]
            rng.shuffle(members)
            return ("members", "{" + ", ".join(members) + "}")
        return ("parts", limited(lambda: expression.applyfunc(change) if kind == "matrix" else sp.Tuple(*map(change, expression))))
    if kind == "interval":
        parts = list(expression.args) if isinstance(expression, sp.Union) else [expression]
        return ("order", r" \cup ".join(sp.latex(part) for part in reversed(parts)))
    if kind == "compound":
        return ("as a set", sp.latex(expression.as_set()))
    if kind == "piecewise":
        return ("none", None)
    if rng.random() < 0.2:
        return ("reorder", reordered(expression, rng))
    name = rng.choice(OFTEN.get(kind, ["expand", "factor", "together", "cancel", "simplify", "powsimp", "collect", "trigsimp"]))
    return (name, limited(lambda: REWRITINGS[name](expression)))


def changed(expression, rng):
    """A small change somewhere inside: a number, a symbol, a function, a sign."""
    spots = list(sp.preorder_traversal(expression))
    rng.shuffle(spots)
    for spot in spots[:12]:
        if not isinstance(spot, sp.Basic):
            continue
        new = None
        if isinstance(spot, sp.Rational) and spot not in (sp.S.NegativeOne,):
            new = spot + rng.choice([1, -1, Q(1, 10 ** 6), Q(1, 2)])
        elif isinstance(spot, sp.Symbol):
            new = rng.choice([s for s in PLAIN if s != spot])
        elif isinstance(spot, (sp.sin, sp.sinh)):
            new = (sp.cos if isinstance(spot, sp.sin) else sp.cosh)(*spot.args)
        elif isinstance(spot, sp.Function) and len(spot.args) == 1:
            new = -spot
        if new is not None:
            other = limited(lambda: expression.xreplace({spot: new}))
            if other is not None and other != expression:
                return other
    return None


def zeros(equation):
    """A polynomial equation's curve: its square-free part with coprime integer coefficients."""
    return sp.Poly(sp.sqf_part(sp.numer(sp.together(equation.lhs - equation.rhs)))).primitive()[1].as_expr().expand()


def confirmed_different(kind, one, other, rng):
    """SymPy's word that two expressions differ: values at points on both sides of zero, or other sets."""
    if not isinstance(other, sp.Basic) or other.has(sp.nan, sp.zoo):
        return False
    if kind in ("set", "interval"):
        return isinstance(other, sp.Set) and limited(lambda: bool(sp.SymmetricDifference(one, other).is_empty is False)) is True
    if kind == "equation":
        return limited(lambda: one.func == other.func and zeros(one) not in (zeros(other), -zeros(other))) is True
    if kind == "inequality":  # linear: the same half plane only where one difference is a positive multiple of the other
        sides = [limited(lambda e=e: (e.gts - e.lts, isinstance(e, (sp.Lt, sp.Gt)))) for e in (one, other)
                 if isinstance(e, (sp.Lt, sp.Le, sp.Gt, sp.Ge))]
        if len(sides) != 2 or None in sides:
            return False
        return sides[0][1] != sides[1][1] or not sp.cancel(sides[0][0] / sides[1][0]).is_positive
    if kind == "compound":
        return limited(lambda: one.as_set() != other.as_set()) is True

    def distance():
        a, b = (side.doit() if kind in TO_DO else side for side in (one, other))
        if kind in ("matrix", "product", "tuple"):
            if kind == "tuple":
                a, b = sp.Matrix(list(a)), sp.Matrix(list(b))
            return any(far(p, q) for p, q in zip(list(a), list(b))) if a.shape == b.shape else True
        return far(a, b)
    def far(a, b):
        symbols = sorted(a.free_symbols | b.free_symbols, key=str)
        for sign in (1, 1, -1):
            point = {s: Q(sign * rng.randint(3, 40), 7) for s in symbols}
            if kind == "tower":  # the difference itself: the large term would drown it
                p, q = complex((a - b).evalf(20, subs=point)), 0
            else:
                p, q = complex(a.evalf(20, subs=point)), complex(b.evalf(20, subs=point))
            if p == p and q == q and abs(p - q) > 1e-9 * (1 + (0 if kind == "tower" else abs(p))):
                return True
        return False
    return limited(distance) is True


def pairs_of(kind, grammar, rng):
    if kind in WRITTEN:
        return [Pair(kind, "written" if equal else "changed", gold, pred, equal) for gold, pred, equal in written_pairs(kind, rng)]
    expression = limited(getattr(grammar, kind))
    if expression is None or not isinstance(expression, sp.Basic) or expression.has(sp.nan, sp.zoo) or expression in (sp.true, sp.false):
        return []
    text, latex = str(expression), sp.latex(expression)
    if kind == "product":  # its text is SymPy's alone
        text = latex
    if len(text) > 400 or "Interval" in text and kind != "interval":
        return []
    pairs = [Pair(kind, "latex", *rng.sample((text, latex), 2), True)]
    name, equal = rewritten(kind, expression, rng)
    if equal is not None and (isinstance(equal, str) or equal != expression or name == "reverse"):
        if not isinstance(equal, str) and equal.has(sp.Integral, sp.Sum, sp.Limit, sp.Piecewise, sp.gamma, sp.AccumBounds):
            equal = None
        else:
            pred = equal if isinstance(equal, str) else rng.choice([str, sp.latex])(equal)
            if len(pred) <= 600:
                gold = rng.choice([text, latex])
                pairs.append(Pair(kind, name, *((gold, pred) if rng.random() < 0.7 else (pred, gold)), True))
    other = changed(expression, rng)
    if other is not None and confirmed_different(kind, expression, other, rng):
        pairs.append(Pair(kind, "changed", rng.choice([text, latex]), sp.latex(other), False))
    return pairs


def graded(pairs):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pairs.jsonl"
        file.write_text("".join(json.dumps({"gold": p.gold, "pred": p.pred, "expected": p.equal}) + "\n" for p in pairs))
        done = subprocess.run([BIN, "grade", str(file), "--json", "-q"], capture_output=True, text=True, timeout=600)
    verdicts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or len(verdicts) != len(pairs):
        sys.exit(f"FAILED: exit {done.returncode}, {len(verdicts)} of {len(pairs)} verdicts: {done.stderr[-500:]}")
    return verdicts


def main():
    print(f"seed {SEED}, {COUNT} expressions (MATHCODER_SEED, MATHCODER_ORACLE_COUNT), SymPy {sp.__version__}", flush=True)
    rng = random.Random(SEED)
    grammar = Grammar(rng)
    kinds = SCALARS * 2 + TO_DO + COLLECTIONS + WRITTEN
    pairs = [pair for i in range(COUNT) for pair in pairs_of(kinds[i % len(kinds)], grammar, rng)]
    verdicts = graded(pairs)

    table = collections.defaultdict(collections.Counter)
    missed, false_correct = [], []
    for pair, verdict in zip(pairs, verdicts):
        correct = verdict["verdict"] == "correct"
        row = table[pair.kind]
        row["equal" if pair.equal else "changed"] += 1
        if pair.equal and not correct:
            row[verdict["verdict"]] += 1
            missed.append((pair, verdict))
        if not pair.equal and correct:
            row["false"] += 1
            false_correct.append((pair, verdict))
    equal = sum(row["equal"] for row in table.values())
    print(f"{'kind':14} {'equal':>6} {'wrong':>6} {'unknown':>8} {'changed':>8} {'false correct':>14}")
    for kind in sorted(table, key=lambda name: -(table[name]["wrong"] + table[name]["unknown"]) / max(1, table[name]["equal"])):
        row = table[kind]
        print(f"{kind:14} {row['equal']:6} {row['wrong']:6} {row['unknown'] + row['no_answer']:8} {row['changed']:8} {row['false']:14}")
    share = 1 - len(missed) / max(1, equal)
    slowest = max(verdict["us"] for verdict in verdicts)
    print(f"{len(pairs)} pairs: {share:.2%} of {equal} equal ones correct, {len(false_correct)} of {len(pairs) - equal} changed ones correct; "
          f"slowest {slowest / 1000:.1f} ms")
    for title, failures in (("FALSE CORRECT", false_correct), ("missed", missed)):
        for pair, verdict in failures[:25]:
            said = f"{verdict['verdict']}, {verdict['rule']}: {verdict['reason'][:120]}"
            print(f"{title} {pair.kind}/{pair.way}: {pair.gold} | {pair.pred} -> {said}")
    if os.environ.get("MATHCODER_ORACLE_FAILURES"):
        rows = [{**pair._asdict(), **verdict} for pair, verdict in false_correct + missed]
        Path(os.environ["MATHCODER_ORACLE_FAILURES"]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = len(pairs) - equal
    if equal < COUNT or changes < COUNT // 3:
        sys.exit(f"FAILED: only {equal} equal and {changes} changed pairs were generated: the oracle tests too little")
    if false_correct or share < LEAST:
        sys.exit(f"FAILED: {len(false_correct)} different pairs graded correct (allowed: 0), "
                 f"{share:.2%} of equal ones correct (needed: {LEAST:.0%})")


if __name__ == "__main__":
    main()
