#include "math/exact_flint.h"

#include <flint/flint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#if __FLINT_RELEASE >= 30000
#include <flint/acb.h>
#include <flint/acb_hypgeom.h>
#include <flint/arb.h>
#include <flint/ca.h>
#include <flint/fmpq.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_mpoly.h>
#include <flint/fmpz_poly.h>
#include <flint/fmpz_vec.h>
#else
#include <acb.h>
#include <acb_hypgeom.h>
#include <arb.h>
#include <calcium/ca.h>
#include <flint/fmpq.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_mpoly.h>
#include <flint/fmpz_poly.h>
#include <flint/fmpz_vec.h>
#endif

/* FLINT ends the process where it cannot go on. Inside a guarded call it ends that call instead. */
static _Thread_local jmp_buf* guard_;
__attribute__((noreturn)) static void OnAbort(void) {
  if (guard_ != NULL) longjmp(*guard_, 1);
  abort();
}
__attribute__((constructor)) static void Install(void) { flint_set_abort(OnAbort); }
#define GUARDED(call)                        \
  do {                                       \
    jmp_buf here;                            \
    jmp_buf* const outer = guard_;           \
    volatile int guarded_result = MC_FAILED; \
    if (setjmp(here) == 0) {                 \
      guard_ = &here;                        \
      guarded_result = (call);               \
    }                                        \
    guard_ = outer;                          \
    return guarded_result;                   \
  } while (0)

const char* mc_library_versions(void) { return "FLINT " FLINT_VERSION; }

static void SetRational(fmpq_t x, const mc_node* node) {
  if (node->big_num != NULL) {
    fmpz_set_str(fmpq_numref(x), node->big_num, 10);
    fmpz_set_str(fmpq_denref(x), node->big_den, 10);
    fmpq_canonicalise(x);
  } else {
    fmpz_set_si(fmpq_numref(x), node->num);
    fmpz_set_si(fmpq_denref(x), node->den);
    fmpq_canonicalise(x);
  }
}

/* Which nodes a target needs: argument indices are smaller, so one backward pass. */
static void Mark(const mc_node* nodes, char* needed, int target) {
  int i;
  needed[target] = 1;
  for (i = target; i >= 0; --i) {
    if (!needed[i]) continue;
    if (nodes[i].a >= 0) needed[nodes[i].a] = 1;
    if (nodes[i].b >= 0) needed[nodes[i].b] = 1;
  }
}

/* ---- exact rationals ---- */

typedef struct {
  fmpq* value;
  char* state; /* 0: none, 1: a value, 2: undefined */
  int count;
  long max_bits, spent;
} Rationals;

static long BitsOf(const fmpq_t x) { return (long)fmpz_bits(fmpq_numref(x)) + (long)fmpz_bits(fmpq_denref(x)); }

static int IntegerOf(const fmpq_t x, long* out) {
  if (!fmpz_is_one(fmpq_denref(x)) || !fmpz_fits_si(fmpq_numref(x))) return 0;
  *out = fmpz_get_si(fmpq_numref(x));
  return 1;
}

/* base^(p/q) where it is rational and short. 0: not so; 2: undefined. */
static int RationalPower(fmpq_t out, const fmpq_t base, const fmpq_t exponent, long max_bits) {
  long p, q;
  int negative;
  fmpz_t root, check;
  if (!fmpz_fits_si(fmpq_numref(exponent)) || !fmpz_fits_si(fmpq_denref(exponent))) {
    if (fmpz_is_one(fmpq_denref(exponent)) && (fmpq_is_one(base) || fmpq_is_zero(base))) {
      if (fmpq_is_zero(base) && fmpq_sgn(exponent) < 0) return 2;
      fmpq_set(out, base);
      return 1;
    }
    return 0;
  }
  p = fmpz_get_si(fmpq_numref(exponent));
  q = fmpz_get_si(fmpq_denref(exponent));
  if (fmpq_is_zero(base)) {
    if (p < 0) return 2;
    if (p == 0)
      fmpq_one(out);
    else
      fmpq_zero(out);
    return 1;
  }
  fmpq_set(out, base);
  if (q > 1) { /* the q-th root, if both parts have one; odd roots of negatives are real */
    if (q > 4096) return 0;
    negative = fmpq_sgn(base) < 0;
    if (negative && q % 2 == 0) return 0;
    fmpz_init(root);
    fmpz_init(check);
    if (negative) fmpq_neg(out, out);
    fmpz_root(root, fmpq_numref(out), q);
    fmpz_pow_ui(check, root, (ulong)q);
    if (!fmpz_equal(check, fmpq_numref(out))) goto no;
    fmpz_swap(fmpq_numref(out), root);
    fmpz_root(root, fmpq_denref(out), q);
    fmpz_pow_ui(check, root, (ulong)q);
    if (!fmpz_equal(check, fmpq_denref(out))) goto no;
    fmpz_swap(fmpq_denref(out), root);
    if (negative) fmpq_neg(out, out);
    fmpz_clear(root);
    fmpz_clear(check);
    if (0) {
    no:
      fmpz_clear(root);
      fmpz_clear(check);
      return 0;
    }
  }
  if (fmpz_is_pm1(fmpq_numref(out)) && fmpz_is_one(fmpq_denref(out))) {
    if (p % 2 == 0) fmpq_one(out);
    return 1;
  }
  if (p > max_bits || p < -max_bits || labs(p) * BitsOf(out) > max_bits) return 0;
  fmpq_pow_si(out, out, p);
  return 1;
}

static int RationalStep(Rationals* r, const mc_node* nodes, int i) {
  const mc_node* node = &nodes[i];
  fmpq* x = r->value + i;
  const fmpq *a, *b;
  long n, k;
  if (node->op == MC_RATIONAL) {
    if (node->big_num == NULL && node->den == 0) return 2;
    SetRational(x, node);
    return 1;
  }
  if (node->a < 0) return 0;
  if (r->state[node->a] != 1) return r->state[node->a];
  a = r->value + node->a;
  b = a;
  if (node->b >= 0) {
    if (r->state[node->b] != 1) return r->state[node->b];
    b = r->value + node->b;
  }
  if (BitsOf(a) + BitsOf(b) > r->max_bits) return 0;
  switch (node->op) {
    case MC_ADD:
      fmpq_add(x, a, b);
      return 1;
    case MC_MUL:
      fmpq_mul(x, a, b);
      return 1;
    case MC_NEG:
      fmpq_neg(x, a);
      return 1;
    case MC_DIV:
      if (fmpq_is_zero(b)) return 2;
      fmpq_div(x, a, b);
      return 1;
    case MC_POW:
      return RationalPower(x, a, b, r->max_bits);
    case MC_SQRT: {
      int done;
      fmpq_t half;
      fmpq_init(half);
      fmpq_set_si(half, 1, 2);
      done = RationalPower(x, a, half, r->max_bits);
      fmpq_clear(half);
      return done;
    }
    case MC_EXP:
      if (!fmpq_is_zero(a)) return 0;
      fmpq_one(x);
      return 1;
    case MC_LOG:
      if (fmpq_is_zero(a)) return 2;
      if (!fmpq_is_one(a)) return 0;
      fmpq_zero(x);
      return 1;
    case MC_SIN:
    case MC_ASIN:
    case MC_ATAN:
    case MC_SINH:
    case MC_ASINH:
    case MC_ATANH:
      if (!fmpq_is_zero(a)) return 0;
      fmpq_zero(x);
      return 1;
    case MC_COS:
    case MC_COSH:
      if (!fmpq_is_zero(a)) return 0;
      fmpq_one(x);
      return 1;
    case MC_ABS:
      fmpq_abs(x, a);
      return 1;
    case MC_SIGN:
      fmpq_set_si(x, fmpq_sgn(a), 1);
      return 1;
    case MC_RE:
    case MC_CONJ:
      fmpq_set(x, a);
      return 1;
    case MC_IM:
      fmpq_zero(x);
      return 1;
    case MC_FLOOR:
      fmpz_fdiv_q(fmpq_numref(x), fmpq_numref(a), fmpq_denref(a));
      fmpz_one(fmpq_denref(x));
      return 1;
    case MC_CEIL:
      fmpz_cdiv_q(fmpq_numref(x), fmpq_numref(a), fmpq_denref(a));
      fmpz_one(fmpq_denref(x));
      return 1;
    case MC_ROUND: { /* halves away from zero */
      fmpq_t half;
      fmpq_init(half);
      fmpq_set_si(half, fmpq_sgn(a) < 0 ? -1 : 1, 2);
      fmpq_add(half, half, a);
      fmpz_tdiv_q(fmpq_numref(x), fmpq_numref(half), fmpq_denref(half));
      fmpz_one(fmpq_denref(x));
      fmpq_clear(half);
      return 1;
    }
    case MC_FACTORIAL:
    case MC_GAMMA:
      if (!IntegerOf(a, &n)) return 0;
      if (node->op == MC_GAMMA) --n;
      if (n < 0) return 2;
      if (n > r->max_bits || n * (long)FLINT_BIT_COUNT((ulong)n) > r->max_bits) return 0;
      fmpz_fac_ui(fmpq_numref(x), (ulong)n);
      fmpz_one(fmpq_denref(x));
      return 1;
    case MC_BINOMIAL:
      if (!IntegerOf(a, &n) || !IntegerOf(b, &k)) return 0;
      if (k < 0 || (n >= 0 && k > n)) {
        fmpq_zero(x);
        return 1;
      }
      if (n >= 0) {
        if (k > n - k) k = n - k;
        if (k > r->max_bits || (k * (long)(FLINT_BIT_COUNT((ulong)n) + 1) > r->max_bits && n > r->max_bits)) return 0;
        fmpz_bin_uiui(fmpq_numref(x), (ulong)n, (ulong)k);
      } else { /* (-1)^k C(k - n - 1, k) */
        if (n < -r->max_bits || k > r->max_bits) return 0;
        fmpz_bin_uiui(fmpq_numref(x), (ulong)(k - n - 1), (ulong)k);
        if (k % 2 != 0) fmpz_neg(fmpq_numref(x), fmpq_numref(x));
      }
      fmpz_one(fmpq_denref(x));
      return 1;
    case MC_MIN:
    case MC_MAX:
      fmpq_set(x, (fmpq_cmp(a, b) < 0) == (node->op == MC_MIN) ? a : b);
      return 1;
    case MC_MOD: { /* a - b floor(a/b): the sign of b */
      fmpq_t t;
      if (fmpq_is_zero(b)) return 2;
      fmpq_init(t);
      fmpq_div(t, a, b);
      fmpz_fdiv_q(fmpq_numref(t), fmpq_numref(t), fmpq_denref(t));
      fmpz_one(fmpq_denref(t));
      fmpq_mul(t, t, b);
      fmpq_sub(x, a, t);
      fmpq_clear(t);
      return 1;
    }
    case MC_GCD:
    case MC_LCM: { /* of rationals: the largest rational that divides both as an integer multiple; lcm = |ab| / gcd */
      fmpq_t g;
      fmpq_init(g);
      if (fmpq_is_zero(a))
        fmpq_abs(g, b);
      else if (fmpq_is_zero(b))
        fmpq_abs(g, a);
      else
        fmpq_gcd(g, a, b);
      if (node->op == MC_GCD) {
        fmpq_set(x, g);
      } else if (fmpq_is_zero(a) || fmpq_is_zero(b)) {
        fmpq_zero(x);
      } else {
        fmpq_mul(x, a, b);
        fmpq_div(x, x, g);
        fmpq_abs(x, x);
      }
      fmpq_clear(g);
      return 1;
    }
    default:
      return 0;
  }
}

static void StartRationals(Rationals* r, const mc_node* nodes, const char* needed, int count, long max_bits) {
  int i;
  r->count = count;
  r->max_bits = max_bits;
  r->spent = 0;
  r->value = (fmpq*)flint_malloc(sizeof(fmpq) * (size_t)count);
  r->state = (char*)flint_calloc((size_t)count, 1);
  for (i = 0; i < count; ++i) fmpq_init(r->value + i);
  for (i = 0; i < count; ++i) {
    if (!needed[i] || r->spent > 8 * max_bits) continue;
    r->state[i] = (char)RationalStep(r, nodes, i);
    if (r->state[i] == 1) {
      const long bits = BitsOf(r->value + i);
      r->spent += bits;
      if (bits > 2 * max_bits) r->state[i] = 0;
    }
  }
}
static void EndRationals(Rationals* r) {
  int i;
  for (i = 0; i < r->count; ++i) fmpq_clear(r->value + i);
  flint_free(r->value);
  flint_free(r->state);
}

static int RationalOrder(const mc_node* nodes, int count, int a, int b, long max_bits, int* order, int* undefined) {
  Rationals r;
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int done;
  Mark(nodes, needed, a);
  Mark(nodes, needed, b);
  StartRationals(&r, nodes, needed, count, max_bits);
  *undefined = (r.state[a] == 2 ? 1 : 0) | (r.state[b] == 2 ? 2 : 0);
  done = r.state[a] == 1 && r.state[b] == 1 ? MC_YES : MC_NO;
  if (done == MC_YES) *order = fmpq_cmp(r.value + a, r.value + b);
  EndRationals(&r);
  flint_free(needed);
  return done;
}
int mc_rational_order(const mc_node* nodes, int count, int a, int b, long max_bits, int* order, int* undefined) {
  GUARDED(RationalOrder(nodes, count, a, b, max_bits, order, undefined));
}

static int RationalText(const mc_node* nodes, int count, int a, long max_bits, char* text, int size) {
  Rationals r;
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int done;
  Mark(nodes, needed, a);
  StartRationals(&r, nodes, needed, count, max_bits);
  done = r.state[a] == 1 && BitsOf(r.value + a) < 3 * (long)size ? MC_YES : MC_NO;
  if (done == MC_YES) {
    char* written = fmpq_get_str(NULL, 10, r.value + a);
    if ((int)strlen(written) + 1 > size)
      done = MC_NO;
    else
      strcpy(text, written);
    flint_free(written);
  }
  EndRationals(&r);
  flint_free(needed);
  return done;
}
int mc_rational_text(const mc_node* nodes, int count, int a, long max_bits, char* text, int size) {
  GUARDED(RationalText(nodes, count, a, max_bits, text, size));
}

/* ---- balls ---- */

static int IsReal(const acb_t x) { return arb_is_zero(acb_imagref(x)); }

/* Values beyond this are left undefined here: their cost would no longer be bounded by the precision. */
static int TooLarge(const acb_t x) {
  return mag_cmp_2exp_si(arb_radref(acb_realref(x)), 1L << 40) > 0 ||
         arf_cmpabs_2exp_si(arb_midref(acb_realref(x)), 1L << 40) > 0 ||
         arf_cmpabs_2exp_si(arb_midref(acb_imagref(x)), 1L << 40) > 0;
}

static void BallStep(acb_ptr x, const mc_node* nodes, int i, acb_ptr values, const mc_point* point, int variables, long prec) {
  const mc_node* node = &nodes[i];
  acb_ptr a = node->a >= 0 ? values + node->a : x; /* x is zero as yet */
  acb_ptr b = node->b >= 0 ? values + node->b : x;
  if (!acb_is_finite(a) || TooLarge(a) || !acb_is_finite(b) || TooLarge(b)) goto undefined;
  switch (node->op) {
    case MC_RATIONAL: {
      fmpq_t q;
      if (node->big_num == NULL && node->den == 0) goto undefined;
      fmpq_init(q);
      SetRational(q, node);
      if (fmpz_is_zero(fmpq_denref(q)))
        acb_indeterminate(x);
      else
        acb_set_fmpq(x, q, prec);
      fmpq_clear(q);
      return;
    }
    case MC_VARIABLE:
      if (node->num >= variables) goto undefined;
      point += node->num;
      arb_set_si(acb_realref(x), point->re_num);
      arb_div_si(acb_realref(x), acb_realref(x), point->re_den, prec);
      arb_set_si(acb_imagref(x), point->im_num);
      if (point->im_num != 0) arb_div_si(acb_imagref(x), acb_imagref(x), point->im_den, prec);
      return;
    case MC_PI:
      acb_const_pi(x, prec);
      return;
    case MC_E:
      arb_const_e(acb_realref(x), prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_I:
      acb_onei(x);
      return;
    case MC_EULER_GAMMA:
      arb_const_euler(acb_realref(x), prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_ADD:
      acb_add(x, a, b, prec);
      return;
    case MC_MUL:
      acb_mul(x, a, b, prec);
      return;
    case MC_NEG:
      acb_neg(x, a);
      return;
    case MC_DIV:
      if (acb_contains_zero(b)) goto undefined;
      acb_div(x, a, b, prec);
      return;
    case MC_POW: {
      const mc_node* exponent = &nodes[node->b];
      if (acb_is_zero(a)) {
        if (acb_is_zero(b))
          acb_one(x);
        else if (arb_is_positive(acb_realref(b)))
          acb_zero(x);
        else
          goto undefined;
        return;
      }
      if (exponent->op == MC_RATIONAL && exponent->big_num == NULL && exponent->den > 1 && exponent->den % 2 == 1 && IsReal(a) &&
          arb_is_negative(acb_realref(a))) {
        arb_neg(acb_realref(x), acb_realref(a));
        arb_zero(acb_imagref(x));
        arb_pow(acb_realref(x), acb_realref(x), acb_realref(b), prec);
        if (exponent->num % 2 != 0) arb_neg(acb_realref(x), acb_realref(x));
        return;
      }
      /* an exact integer exponent never leaves the reals */
      if (IsReal(a) && IsReal(b) && arb_is_int(acb_realref(b))) {
        if (arf_cmpabs_2exp_si(arb_midref(acb_realref(b)), 600) > 0) goto undefined;
        if (arf_sgn(arb_midref(acb_realref(b))) < 0 && acb_contains_zero(a)) goto undefined;
        arb_pow(acb_realref(x), acb_realref(a), acb_realref(b), prec);
        arb_zero(acb_imagref(x));
        return;
      }
      acb_pow(x, a, b, prec);
      return;
    }
    case MC_EXP:
      acb_exp(x, a, prec);
      return;
    case MC_LOG:
      if (acb_contains_zero(a)) goto undefined;
      acb_log(x, a, prec);
      return;
    case MC_SQRT:
      acb_sqrt(x, a, prec);
      return;
    case MC_SIN:
      acb_sin(x, a, prec);
      return;
    case MC_COS:
      acb_cos(x, a, prec);
      return;
    case MC_ASIN:
      acb_asin(x, a, prec);
      return;
    case MC_ACOS:
      acb_acos(x, a, prec);
      return;
    case MC_ATAN:
      acb_atan(x, a, prec);
      return;
    case MC_SINH:
      acb_sinh(x, a, prec);
      return;
    case MC_COSH:
      acb_cosh(x, a, prec);
      return;
    case MC_ASINH:
      acb_asinh(x, a, prec);
      return;
    case MC_ACOSH:
      acb_acosh(x, a, prec);
      return;
    case MC_ATANH:
      acb_atanh(x, a, prec);
      return;
    case MC_ABS:
      acb_abs(acb_realref(x), a, prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_SIGN:
      if (acb_contains_zero(a) && !acb_is_zero(a)) goto undefined;
      acb_sgn(x, a, prec);
      return;
    case MC_FLOOR:
    case MC_CEIL:
    case MC_ROUND: {
      if (!IsReal(a) || arf_cmpabs_2exp_si(arb_midref(acb_realref(a)), 4096) > 0) goto undefined;
      if (node->op == MC_ROUND) {
        arb_t half;
        arb_init(half);
        arb_set_d(half, 0.5);
        arb_add(acb_realref(x), acb_realref(a), half, prec);
        arb_floor(acb_realref(x), acb_realref(x), prec);
        arb_clear(half);
      } else if (node->op == MC_FLOOR) {
        arb_floor(acb_realref(x), acb_realref(a), prec);
      } else {
        arb_ceil(acb_realref(x), acb_realref(a), prec);
      }
      arb_zero(acb_imagref(x));
      return;
    }
    case MC_FACTORIAL:
    case MC_GAMMA:
      if (arf_cmpabs_2exp_si(arb_midref(acb_realref(a)), 200) > 0 || arf_cmpabs_2exp_si(arb_midref(acb_imagref(a)), 20) > 0)
        goto undefined;
      if (node->op == MC_FACTORIAL) {
        acb_add_ui(x, a, 1, prec);
        acb_gamma(x, x, prec);
      } else {
        acb_gamma(x, a, prec);
      }
      return;
    case MC_RE:
      acb_set(x, a);
      arb_zero(acb_imagref(x));
      return;
    case MC_IM:
      arb_set(acb_realref(x), acb_imagref(a));
      arb_zero(acb_imagref(x));
      return;
    case MC_ARG:
      if (acb_contains_zero(a)) goto undefined;
      acb_arg(acb_realref(x), a, prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_CONJ:
      acb_conj(x, a);
      return;
    case MC_ERF:
      if (arf_cmpabs_2exp_si(arb_midref(acb_realref(a)), 6) > 0 || arf_cmpabs_2exp_si(arb_midref(acb_imagref(a)), 6) > 0)
        goto undefined;
      acb_hypgeom_erf(x, a, prec);
      return;
    case MC_ZETA:
      if (arf_cmpabs_2exp_si(arb_midref(acb_realref(a)), 7) > 0 || arf_cmpabs_2exp_si(arb_midref(acb_imagref(a)), 7) > 0)
        goto undefined;
      acb_zeta(x, a, prec);
      return;
    case MC_MIN:
    case MC_MAX:
      if (!IsReal(a) || !IsReal(b)) goto undefined;
      if (node->op == MC_MIN)
        arb_min(acb_realref(x), acb_realref(a), acb_realref(b), prec);
      else
        arb_max(acb_realref(x), acb_realref(a), acb_realref(b), prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_MOD:
      if (!IsReal(a) || !IsReal(b) || acb_contains_zero(b)) goto undefined;
      arb_div(acb_realref(x), acb_realref(a), acb_realref(b), prec);
      if (arf_cmpabs_2exp_si(arb_midref(acb_realref(x)), 4096) > 0) goto undefined;
      arb_floor(acb_realref(x), acb_realref(x), prec);
      arb_mul(acb_realref(x), acb_realref(x), acb_realref(b), prec);
      arb_sub(acb_realref(x), acb_realref(a), acb_realref(x), prec);
      arb_zero(acb_imagref(x));
      return;
    case MC_BINOMIAL: { /* gamma(a+1) / (gamma(b+1) gamma(a-b+1)) */
      acb_t u, v;
      if (arf_cmpabs_2exp_si(arb_midref(acb_realref(a)), 60) > 0 || arf_cmpabs_2exp_si(arb_midref(acb_realref(b)), 60) > 0)
        goto undefined;
      if (arf_cmpabs_2exp_si(arb_midref(acb_imagref(a)), 20) > 0 || arf_cmpabs_2exp_si(arb_midref(acb_imagref(b)), 20) > 0)
        goto undefined;
      acb_init(u);
      acb_init(v);
      acb_add_ui(u, b, 1, prec);
      acb_rgamma(u, u, prec);
      acb_sub(v, a, b, prec);
      acb_add_ui(v, v, 1, prec);
      acb_rgamma(v, v, prec);
      acb_mul(v, v, u, prec);
      acb_add_ui(u, a, 1, prec);
      acb_gamma(u, u, prec);
      acb_mul(x, u, v, prec);
      acb_clear(u);
      acb_clear(v);
      return;
    }
    default:
      break;
  }
undefined:
  acb_indeterminate(x);
}

static int RealThroughout(const mc_node* nodes, int target, acb_ptr values, char* needed) {
  int i;
  memset(needed, 0, (size_t)target + 1);
  Mark(nodes, needed, target);
  for (i = 0; i <= target; ++i) {
    if (needed[i] && !IsReal(values + i)) return 0;
  }
  return 1;
}

static int CompareBalls(const mc_node* nodes, int count, int a, int b, const mc_point* point, int variables, long prec,
                        mc_balls* out) {
  acb_ptr values = _acb_vec_init(count);
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int i;
  acb_t difference;
  memset(out, 0, sizeof *out);
  Mark(nodes, needed, a);
  Mark(nodes, needed, b);
  for (i = 0; i < count; ++i) {
    if (needed[i]) BallStep(values + i, nodes, i, values, point, variables, prec);
  }
  out->defined_a = acb_is_finite(values + a);
  out->defined_b = acb_is_finite(values + b);
  out->real_a = out->defined_a && RealThroughout(nodes, a, values, needed);
  out->real_b = out->defined_b && RealThroughout(nodes, b, values, needed);
  out->re_a = arf_get_d(arb_midref(acb_realref(values + a)), ARF_RND_NEAR);
  out->im_a = arf_get_d(arb_midref(acb_imagref(values + a)), ARF_RND_NEAR);
  out->re_b = arf_get_d(arb_midref(acb_realref(values + b)), ARF_RND_NEAR);
  out->im_b = arf_get_d(arb_midref(acb_imagref(values + b)), ARF_RND_NEAR);
  if (out->defined_a && out->defined_b) {
    mag_t size_a, size_b, size_d;
    out->disjoint = !acb_overlaps(values + a, values + b);
    acb_init(difference);
    acb_sub(difference, values + a, values + b, prec);
    if (out->real_a && out->real_b) {
      if (arb_is_positive(acb_realref(difference)))
        out->sign = 1;
      else if (arb_is_negative(acb_realref(difference)))
        out->sign = -1;
    }
    mag_init(size_a);
    mag_init(size_b);
    mag_init(size_d);
    acb_get_mag_lower(size_a, values + a);
    acb_get_mag_lower(size_b, values + b);
    if (mag_cmp(size_a, size_b) < 0) mag_swap(size_a, size_b);
    acb_get_mag(size_d, difference);
    if (mag_is_zero(size_a)) {
      out->relative = mag_is_zero(size_d) ? 0 : 1;
    } else {
      mag_div(size_d, size_d, size_a);
      out->relative = mag_cmp_2exp_si(size_d, 0) > 0 ? 1 : mag_get_d(size_d);
    }
    /* Bits by which the overlap is narrow: relative to the larger value, or absolute where both are near zero. */
    acb_get_mag(size_d, difference);
    if (mag_is_zero(size_d) || mag_cmp_2exp_si(size_d, -(1L << 40)) < 0)
      out->error_exponent = -(1L << 40);
    else
      out->error_exponent = mag_cmp_2exp_si(size_d, 1L << 40) > 0 ? 1L << 40 : (long)fmpz_get_si(MAG_EXPREF(size_d));
    if (mag_cmp_2exp_si(size_a, 0) > 0) mag_div(size_d, size_d, size_a);
    if (mag_is_zero(size_d) || mag_cmp_2exp_si(size_d, -(1L << 40)) < 0)
      out->accuracy = prec;
    else
      out->accuracy = mag_cmp_2exp_si(size_d, 1L << 40) > 0 ? 0 : -(long)fmpz_get_si(MAG_EXPREF(size_d));
    mag_clear(size_a);
    mag_clear(size_b);
    mag_clear(size_d);
    acb_clear(difference);
  }
  _acb_vec_clear(values, count);
  flint_free(needed);
  return MC_YES;
}
int mc_compare_balls(const mc_node* nodes, int count, int a, int b, const mc_point* point, int variables, long prec,
                     mc_balls* out) {
  GUARDED(CompareBalls(nodes, count, a, b, point, variables, prec, out));
}

/* log|node| into x from the values where they are finite, else by the laws of logarithms. Only products, quotients, powers. */
static void LogarithmStep(arb_t x, const mc_node* nodes, int i, acb_ptr values, arb_ptr logs, long prec) {
  const mc_node* node = &nodes[i];
  if (acb_is_finite(values + i) && !acb_contains_zero(values + i)) {
    acb_t t;
    acb_init(t);
    acb_log(t, values + i, prec);
    arb_set(x, acb_realref(t));
    acb_clear(t);
    return;
  }
  switch (node->op) {
    case MC_MUL:
      arb_add(x, logs + node->a, logs + node->b, prec);
      return;
    case MC_DIV:
      arb_sub(x, logs + node->a, logs + node->b, prec);
      return;
    case MC_NEG:
      arb_set(x, logs + node->a);
      return;
    case MC_POW:
    case MC_EXP: {
      acb_ptr exponent = values + (node->op == MC_POW ? node->b : node->a);
      if (!acb_is_finite(exponent) || !IsReal(exponent)) break;
      if (node->op == MC_POW)
        arb_mul(x, logs + node->a, acb_realref(exponent), prec);
      else
        arb_set(x, acb_realref(exponent));
      return;
    }
    case MC_FACTORIAL: {
      acb_ptr n = values + node->a;
      if (!acb_is_finite(n) || !IsReal(n) || !arb_is_positive(acb_realref(n)) ||
          arf_cmpabs_2exp_si(arb_midref(acb_realref(n)), 4096) > 0)
        break;
      arb_add_ui(x, acb_realref(n), 1, prec);
      arb_lgamma(x, x, prec);
      return;
    }
    default:
      break;
  }
  arb_indeterminate(x);
}

static int CompareLogarithms(const mc_node* nodes, int count, int a, int b, long prec) {
  acb_ptr values = _acb_vec_init(count);
  arb_ptr logs = _arb_vec_init(count);
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int i, result;
  Mark(nodes, needed, a);
  Mark(nodes, needed, b);
  for (i = 0; i < count; ++i) {
    if (!needed[i]) continue;
    BallStep(values + i, nodes, i, values, NULL, 0, prec);
    LogarithmStep(logs + i, nodes, i, values, logs, prec);
  }
  result = arb_is_finite(logs + a) && arb_is_finite(logs + b) && !arb_overlaps(logs + a, logs + b) ? MC_YES : MC_NO;
  _acb_vec_clear(values, count);
  _arb_vec_clear(logs, count);
  flint_free(needed);
  return result;
}
int mc_compare_logarithms(const mc_node* nodes, int count, int a, int b, long prec) {
  GUARDED(CompareLogarithms(nodes, count, a, b, prec));
}

/* ---- rational functions: unreduced quotients of polynomials; no greatest common divisors, whose cost is hard to foresee ---- */

typedef struct {
  fmpz_mpoly_struct num, den;
} Quotient;

typedef struct {
  fmpz_mpoly_ctx_t ctx;
  const int64_t* square;
  int generators;
  long max_terms, max_bits;
} Field;

static int Fits(const fmpz_mpoly_t p, const Field* f) {
  return fmpz_mpoly_length(p, f->ctx) <= f->max_terms && labs(fmpz_mpoly_max_bits(p)) <= f->max_bits;
}
static int MayMultiply(const fmpz_mpoly_t p, const fmpz_mpoly_t q, const Field* f) {
  return fmpz_mpoly_length(p, f->ctx) * fmpz_mpoly_length(q, f->ctx) <= 8 * f->max_terms && Fits(p, f) && Fits(q, f);
}

/* r^2 -> its integer, for every such generator. */
static void ReduceSquares(fmpz_mpoly_t p, const Field* f) {
  int g;
  for (g = 0; g < f->generators; ++g) {
    fmpz_mpoly_t modulus, quotient;
    if (f->square[g] == 0 || fmpz_mpoly_degree_si(p, g, f->ctx) < 2) continue;
    fmpz_mpoly_init(modulus, f->ctx);
    fmpz_mpoly_init(quotient, f->ctx);
    fmpz_mpoly_gen(modulus, g, f->ctx);
    fmpz_mpoly_pow_ui(modulus, modulus, 2, f->ctx);
    fmpz_mpoly_sub_si(modulus, modulus, f->square[g], f->ctx);
    fmpz_mpoly_divrem(quotient, p, p, modulus, f->ctx);
    fmpz_mpoly_clear(modulus, f->ctx);
    fmpz_mpoly_clear(quotient, f->ctx);
  }
}

static int Multiply(fmpz_mpoly_t out, const fmpz_mpoly_t p, const fmpz_mpoly_t q, const Field* f) {
  if (!MayMultiply(p, q, f)) return 0;
  fmpz_mpoly_mul(out, p, q, f->ctx);
  ReduceSquares(out, f);
  return Fits(out, f);
}

/* x = a + b */
static int AddQuotients(Quotient* x, const Quotient* a, const Quotient* b, const Field* f) {
  fmpz_mpoly_t t;
  int ok;
  if (fmpz_mpoly_equal(&a->den, &b->den, f->ctx)) {
    fmpz_mpoly_add(&x->num, &a->num, &b->num, f->ctx);
    fmpz_mpoly_set(&x->den, &a->den, f->ctx);
    return Fits(&x->num, f);
  }
  fmpz_mpoly_init(t, f->ctx);
  ok = Multiply(&x->num, &a->num, &b->den, f) && Multiply(t, &b->num, &a->den, f) && Multiply(&x->den, &a->den, &b->den, f);
  if (ok) fmpz_mpoly_add(&x->num, &x->num, t, f->ctx);
  fmpz_mpoly_clear(t, f->ctx);
  return ok && Fits(&x->num, f);
}

static int PowerOfQuotient(Quotient* x, const Quotient* a, long exponent, const Field* f) {
  long k;
  Quotient base, t;
  int ok = 1;
  if (exponent < -64 || exponent > 64) return 0;
  fmpz_mpoly_one(&x->num, f->ctx);
  fmpz_mpoly_one(&x->den, f->ctx);
  fmpz_mpoly_init(&base.num, f->ctx);
  fmpz_mpoly_init(&base.den, f->ctx);
  fmpz_mpoly_init(&t.num, f->ctx);
  fmpz_mpoly_init(&t.den, f->ctx);
  fmpz_mpoly_set(&base.num, exponent < 0 ? &a->den : &a->num, f->ctx);
  fmpz_mpoly_set(&base.den, exponent < 0 ? &a->num : &a->den, f->ctx);
  if (fmpz_mpoly_is_zero(&base.den, f->ctx)) ok = 0;
  for (k = labs(exponent); ok && k > 0; --k) {
    ok = Multiply(&t.num, &x->num, &base.num, f) && Multiply(&t.den, &x->den, &base.den, f);
    fmpz_mpoly_swap(&x->num, &t.num, f->ctx);
    fmpz_mpoly_swap(&x->den, &t.den, f->ctx);
  }
  fmpz_mpoly_clear(&base.num, f->ctx);
  fmpz_mpoly_clear(&base.den, f->ctx);
  fmpz_mpoly_clear(&t.num, f->ctx);
  fmpz_mpoly_clear(&t.den, f->ctx);
  return ok;
}

static int QuotientStep(Quotient* x, const mc_node* nodes, int i, Quotient* values, const int* generator, const Field* f) {
  const mc_node* node = &nodes[i];
  const Quotient *a, *b;
  fmpz_mpoly_one(&x->den, f->ctx);
  if (generator[i] >= 0) {
    fmpz_mpoly_gen(&x->num, generator[i], f->ctx);
    return 1;
  }
  if (node->op == MC_RATIONAL) {
    fmpq_t q;
    if (node->big_num == NULL && node->den == 0) return 0;
    fmpq_init(q);
    SetRational(q, node);
    fmpz_mpoly_set_fmpz(&x->num, fmpq_numref(q), f->ctx);
    fmpz_mpoly_set_fmpz(&x->den, fmpq_denref(q), f->ctx);
    fmpq_clear(q);
    return 1;
  }
  if (node->a < 0) return 0;
  a = &values[node->a];
  b = node->b >= 0 ? &values[node->b] : a;
  switch (node->op) {
    case MC_ADD:
      return AddQuotients(x, a, b, f);
    case MC_NEG:
      fmpz_mpoly_neg(&x->num, &a->num, f->ctx);
      fmpz_mpoly_set(&x->den, &a->den, f->ctx);
      return 1;
    case MC_MUL:
      return Multiply(&x->num, &a->num, &b->num, f) && Multiply(&x->den, &a->den, &b->den, f);
    case MC_DIV:
      if (fmpz_mpoly_is_zero(&b->num, f->ctx)) return 0;
      return Multiply(&x->num, &a->num, &b->den, f) && Multiply(&x->den, &a->den, &b->num, f);
    case MC_POW:
      if (nodes[node->b].op != MC_RATIONAL || nodes[node->b].big_num != NULL || nodes[node->b].den != 1) return 0;
      return PowerOfQuotient(x, a, nodes[node->b].num, f);
    default:
      return 0;
  }
}

static int ProveRational(const mc_node* nodes, int count, int a, int b, const int* generator, const int64_t* square, int generators,
                         long max_terms, long max_bits) {
  Field f;
  Quotient* values = (Quotient*)flint_malloc(sizeof(Quotient) * (size_t)count);
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int i, ok = 1, proven = MC_NO;
  f.square = square;
  f.generators = generators;
  f.max_terms = max_terms;
  f.max_bits = max_bits;
  fmpz_mpoly_ctx_init(f.ctx, generators > 0 ? generators : 1, ORD_LEX);
  for (i = 0; i < count; ++i) {
    fmpz_mpoly_init(&values[i].num, f.ctx);
    fmpz_mpoly_init(&values[i].den, f.ctx);
  }
  needed[a] = needed[b] = 1;
  for (i = count - 1; i >= 0; --i) { /* a generator needs no arguments; an exponent is read as a number */
    if (!needed[i] || generator[i] >= 0) continue;
    if (nodes[i].a >= 0) needed[nodes[i].a] = 1;
    if (nodes[i].b >= 0) needed[nodes[i].b] = 1;
  }
  for (i = 0; ok && i < count; ++i) {
    if (needed[i]) ok = QuotientStep(&values[i], nodes, i, values, generator, &f);
  }
  if (ok) {
    fmpz_mpoly_t p, q;
    fmpz_mpoly_init(p, f.ctx);
    fmpz_mpoly_init(q, f.ctx);
    if (Multiply(p, &values[a].num, &values[b].den, &f) && Multiply(q, &values[b].num, &values[a].den, &f)) {
      ReduceSquares(&values[a].den, &f);
      ReduceSquares(&values[b].den, &f);
      if (fmpz_mpoly_equal(p, q, f.ctx) && !fmpz_mpoly_is_zero(&values[a].den, f.ctx) && !fmpz_mpoly_is_zero(&values[b].den, f.ctx))
        proven = MC_YES;
    }
    fmpz_mpoly_clear(p, f.ctx);
    fmpz_mpoly_clear(q, f.ctx);
  }
  for (i = 0; i < count; ++i) {
    fmpz_mpoly_clear(&values[i].num, f.ctx);
    fmpz_mpoly_clear(&values[i].den, f.ctx);
  }
  fmpz_mpoly_ctx_clear(f.ctx);
  flint_free(values);
  flint_free(needed);
  return proven;
}
int mc_prove_rational(const mc_node* nodes, int count, int a, int b, const int* generator, const int64_t* square, int generators,
                      long max_terms, long max_bits) {
  GUARDED(ProveRational(nodes, count, a, b, generator, square, generators, max_terms, max_bits));
}

/* ---- Calcium ---- */

/* ---- roots of polynomials in one variable ---- */

/* 0: no polynomial with rational coefficients, or over the cap. */
static int PolynomialStep(fmpq_poly_t x, const mc_node* nodes, int i, fmpq_poly_struct* values, const char* known, int variable,
                          long max_degree) {
  const mc_node* node = &nodes[i];
  fmpq_poly_struct* a = node->a >= 0 ? values + node->a : NULL;
  fmpq_poly_struct* b = node->b >= 0 ? values + node->b : NULL;
  if ((a != NULL && !known[node->a]) || (b != NULL && !known[node->b])) return 0;
  switch (node->op) {
    case MC_RATIONAL: {
      fmpq_t q;
      if (node->big_num == NULL && node->den == 0) return 0;
      fmpq_init(q);
      SetRational(q, node);
      fmpq_poly_set_fmpq(x, q);
      fmpq_clear(q);
      break;
    }
    case MC_VARIABLE:
      if (node->num != variable) return 0;
      fmpq_poly_set_coeff_si(x, 1, 1);
      break;
    case MC_ADD:
      fmpq_poly_add(x, a, b);
      break;
    case MC_NEG:
      fmpq_poly_neg(x, a);
      break;
    case MC_MUL:
      if (fmpq_poly_degree(a) + fmpq_poly_degree(b) > max_degree) return 0;
      fmpq_poly_mul(x, a, b);
      break;
    case MC_DIV:
      if (fmpq_poly_degree(b) != 0) return 0; /* also not by zero, whose degree is -1 */
      {
        fmpq_t q;
        fmpq_init(q);
        fmpq_poly_get_coeff_fmpq(q, b, 0);
        fmpq_poly_scalar_div_fmpq(x, a, q);
        fmpq_clear(q);
      }
      break;
    case MC_POW: {
      const mc_node* exponent = &nodes[node->b];
      if (exponent->op != MC_RATIONAL || exponent->big_num != NULL || exponent->den != 1 || exponent->num < 0) return 0;
      if (exponent->num > max_degree || fmpq_poly_degree(a) * exponent->num > max_degree) return 0;
      fmpq_poly_pow(x, a, (ulong)exponent->num);
      break;
    }
    default:
      return 0;
  }
  return labs(_fmpz_vec_max_bits(x->coeffs, x->length)) + (long)fmpz_bits(x->den) <= 4096;
}

static void SquareFree(fmpz_poly_t p) { /* each root once */
  fmpz_poly_t derivative, common;
  fmpz_poly_init(derivative);
  fmpz_poly_init(common);
  fmpz_poly_derivative(derivative, p);
  fmpz_poly_gcd(common, p, derivative);
  fmpz_poly_div(p, p, common);
  fmpz_poly_clear(derivative);
  fmpz_poly_clear(common);
}

static long RealRoots(const fmpz_poly_t p) { return fmpz_poly_degree(p) < 1 ? 0 : (long)fmpz_poly_num_real_roots(p); }

static int CompareRoots(const mc_node* nodes, int count, int a, int b, int variable, long max_degree, mc_root_sets* out) {
  fmpq_poly_struct* values = (fmpq_poly_struct*)flint_malloc((size_t)count * sizeof *values);
  char* needed = (char*)flint_calloc((size_t)count, 1);
  char* known = (char*)flint_calloc((size_t)count, 1);
  int i, result = MC_NO;
  Mark(nodes, needed, a);
  Mark(nodes, needed, b);
  for (i = 0; i < count; ++i) {
    fmpq_poly_init(values + i);
    if (needed[i]) known[i] = (char)PolynomialStep(values + i, nodes, i, values, known, variable, max_degree);
  }
  if (known[a] && known[b] && !fmpq_poly_is_zero(values + a) && !fmpq_poly_is_zero(values + b)) {
    fmpz_poly_t p, q, common;
    fmpz_poly_init(p);
    fmpz_poly_init(q);
    fmpz_poly_init(common);
    fmpq_poly_get_numerator(p, values + a);
    fmpq_poly_get_numerator(q, values + b);
    SquareFree(p);
    SquareFree(q);
    fmpz_poly_gcd(common, p, q);
    out->roots_a = fmpz_poly_degree(p);
    out->roots_b = fmpz_poly_degree(q);
    out->common = fmpz_poly_degree(common);
    out->real_roots_a = RealRoots(p);
    out->real_roots_b = RealRoots(q);
    out->real_common = RealRoots(common);
    fmpz_poly_clear(p);
    fmpz_poly_clear(q);
    fmpz_poly_clear(common);
    result = MC_YES;
  }
  for (i = 0; i < count; ++i) fmpq_poly_clear(values + i);
  flint_free(values);
  flint_free(needed);
  flint_free(known);
  return result;
}
int mc_compare_roots(const mc_node* nodes, int count, int a, int b, int variable, long max_degree, mc_root_sets* out) {
  GUARDED(CompareRoots(nodes, count, a, b, variable, max_degree, out));
}

static int CalciumStep(ca_t x, const mc_node* nodes, int i, ca_struct* values, ca_ctx_t ctx) {
  const mc_node* node = &nodes[i];
  ca_struct* a = node->a >= 0 ? values + node->a : NULL;
  ca_struct* b = node->b >= 0 ? values + node->b : NULL;
  switch (node->op) {
    case MC_RATIONAL: {
      fmpq_t q;
      if (node->big_num == NULL && node->den == 0) return 0;
      fmpq_init(q);
      SetRational(q, node);
      ca_set_fmpq(x, q, ctx);
      fmpq_clear(q);
      return 1;
    }
    case MC_PI:
      ca_pi(x, ctx);
      return 1;
    case MC_E:
      ca_one(x, ctx);
      ca_exp(x, x, ctx);
      return 1;
    case MC_I:
      ca_i(x, ctx);
      return 1;
    case MC_EULER_GAMMA:
      ca_euler(x, ctx);
      return 1;
    case MC_ADD:
      ca_add(x, a, b, ctx);
      return 1;
    case MC_MUL:
      ca_mul(x, a, b, ctx);
      return 1;
    case MC_NEG:
      ca_neg(x, a, ctx);
      return 1;
    case MC_DIV:
      ca_div(x, a, b, ctx);
      return 1;
    case MC_POW: {
      const mc_node* exponent = &nodes[node->b];
      if (exponent->op == MC_RATIONAL && exponent->big_num == NULL && exponent->den > 1 && exponent->den % 2 == 1 &&
          ca_check_is_negative_real(a, ctx) != T_FALSE) {
        if (ca_check_is_negative_real(a, ctx) != T_TRUE) return 0;
        ca_neg(x, a, ctx);
        ca_pow(x, x, b, ctx);
        if (exponent->num % 2 != 0) ca_neg(x, x, ctx);
        return 1;
      }
      ca_pow(x, a, b, ctx);
      return 1;
    }
    case MC_EXP:
      ca_exp(x, a, ctx);
      return 1;
    case MC_LOG:
      ca_log(x, a, ctx);
      return 1;
    case MC_SQRT:
      ca_sqrt(x, a, ctx);
      return 1;
    case MC_SIN:
      ca_sin(x, a, ctx);
      return 1;
    case MC_COS:
      ca_cos(x, a, ctx);
      return 1;
    case MC_ASIN:
      ca_asin(x, a, ctx);
      return 1;
    case MC_ACOS:
      ca_acos(x, a, ctx);
      return 1;
    case MC_ATAN:
      ca_atan(x, a, ctx);
      return 1;
    case MC_ABS:
      ca_abs(x, a, ctx);
      return 1;
    case MC_SIGN:
      ca_sgn(x, a, ctx);
      return 1;
    case MC_FLOOR:
      ca_floor(x, a, ctx);
      return 1;
    case MC_CEIL:
      ca_ceil(x, a, ctx);
      return 1;
    case MC_GAMMA:
      ca_gamma(x, a, ctx);
      return 1;
    case MC_FACTORIAL:
      ca_add_ui(x, a, 1, ctx);
      ca_gamma(x, x, ctx);
      return 1;
    case MC_RE:
      ca_re(x, a, ctx);
      return 1;
    case MC_IM:
      ca_im(x, a, ctx);
      return 1;
    case MC_ARG:
      ca_arg(x, a, ctx);
      return 1;
    case MC_CONJ:
      ca_conj(x, a, ctx);
      return 1;
    case MC_ERF:
      ca_erf(x, a, ctx);
      return 1;
    case MC_SINH:
    case MC_COSH: { /* (e^a -+ e^-a) / 2 */
      ca_t t;
      ca_init(t, ctx);
      ca_exp(x, a, ctx);
      ca_inv(t, x, ctx);
      if (node->op == MC_SINH)
        ca_sub(x, x, t, ctx);
      else
        ca_add(x, x, t, ctx);
      ca_div_ui(x, x, 2, ctx);
      ca_clear(t, ctx);
      return 1;
    }
    case MC_ASINH: { /* log(a + sqrt(a^2 + 1)) */
      ca_mul(x, a, a, ctx);
      ca_add_ui(x, x, 1, ctx);
      ca_sqrt(x, x, ctx);
      ca_add(x, x, a, ctx);
      ca_log(x, x, ctx);
      return 1;
    }
    default:
      return 0;
  }
}

static int CalciumEqual(const mc_node* nodes, int count, int a, int b) {
  ca_ctx_t ctx;
  ca_struct* values = (ca_struct*)flint_malloc(sizeof(ca_struct) * (size_t)count);
  char* needed = (char*)flint_calloc((size_t)count, 1);
  int i, ok = 1, result = MC_FAILED;
  ca_ctx_init(ctx);
  for (i = 0; i < count; ++i) ca_init(values + i, ctx);
  Mark(nodes, needed, a);
  Mark(nodes, needed, b);
  for (i = 0; ok && i < count; ++i) {
    if (needed[i]) ok = CalciumStep(values + i, nodes, i, values, ctx);
  }
  if (ok) {
    const truth_t truth = ca_check_equal(values + a, values + b, ctx);
    if (truth == T_TRUE) result = MC_YES;
    if (truth == T_FALSE) result = MC_NO;
  }
  for (i = 0; i < count; ++i) ca_clear(values + i, ctx);
  ca_ctx_clear(ctx);
  flint_free(values);
  flint_free(needed);
  return result;
}
int mc_calcium_equal(const mc_node* nodes, int count, int a, int b) { GUARDED(CalciumEqual(nodes, count, a, b)); }
