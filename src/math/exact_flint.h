/* The C boundary of exact arithmetic: plain data in, plain data out, so that FLINT, Arb, Calcium and Antic stay behind
 * exact_flint.c (Calcium's headers are no C++). Only exact.cc includes this. Thread-safe: no state but FLINT's own, which is per
 * thread. Where the library gives up (it would call abort) the function returns MC_FAILED; what it had allocated is lost, which a
 * worker outlives. */
#ifndef MATHCODER_MATH_EXACT_FLINT_H_
#define MATHCODER_MATH_EXACT_FLINT_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nodes of an expression, arguments before users: a and b are indices of earlier nodes, or -1. */
enum {
  MC_RATIONAL, /* num/den, or the decimal strings where they are not null */
  MC_VARIABLE, /* num: its index */
  MC_PI,
  MC_E,
  MC_I,
  MC_EULER_GAMMA,
  MC_ADD,
  MC_MUL,
  MC_DIV,
  MC_NEG,
  MC_POW, /* odd roots of negative reals are real; everything else is the principal value */
  MC_EXP,
  MC_LOG,
  MC_SQRT,
  MC_SIN,
  MC_COS,
  MC_ASIN,
  MC_ACOS,
  MC_ATAN,
  MC_SINH,
  MC_COSH,
  MC_ASINH,
  MC_ACOSH,
  MC_ATANH,
  MC_ABS,
  MC_SIGN,
  MC_FLOOR,
  MC_CEIL,
  MC_ROUND,
  MC_FACTORIAL,
  MC_GAMMA,
  MC_RE,
  MC_IM,
  MC_ARG,
  MC_CONJ,
  MC_ERF,
  MC_ZETA,
  MC_MOD,
  MC_GCD,
  MC_LCM,
  MC_MIN,
  MC_MAX,
  MC_BINOMIAL,
  MC_OPS
};

typedef struct {
  int32_t op, a, b;
  int64_t num, den;
  const char *big_num, *big_den;
} mc_node;

typedef struct {
  int64_t re_num, re_den, im_num, im_den;
} mc_point;

enum { MC_FAILED = -1, MC_NO = 0, MC_YES = 1 };

/* Exact rational values of both, if they have one within max_bits (checked before each step). MC_YES: *order is the sign of a - b.
 * MC_NO: no rational value, or too long. *undefined: bit 0: a divides by zero, bit 1: b does. */
int mc_rational_order(const mc_node* nodes, int count, int a, int b, long max_bits, int* order, int* undefined);
/* The value as "p/q" (or "p"), at most `size` bytes with the final zero. */
int mc_rational_text(const mc_node* nodes, int count, int a, long max_bits, char* text, int size);

typedef struct {
  int defined_a, defined_b; /* finite balls */
  int real_a, real_b;       /* no step left the reals */
  int disjoint;             /* proof that the values differ */
  int sign;                 /* of a - b where both are real and it is proven, else 0 */
  long accuracy;            /* bits that agree at least, where the balls overlap */
  long error_exponent;      /* |a - b| is less than two to this */
  double re_a, im_a, re_b, im_b;
  double relative; /* upper bound of |a - b| / max(|a|, |b|) */
} mc_balls;

/* Both at one point, in balls of `prec` bits. */
int mc_compare_balls(const mc_node* nodes, int count, int a, int b, const mc_point* point, int variables, long prec, mc_balls* out);
/* log|a| and log|b| in balls, for constants that are too large to write down. MC_YES: disjoint, so a and b differ. */
int mc_compare_logarithms(const mc_node* nodes, int count, int a, int b, long prec);

/* Are a and b the same rational function over the generators? generator[i] >= 0: node i is that generator (its arguments do not
 * matter any more); square[g] != 0: generator g squared is that integer. MC_YES is a proof; MC_NO: not the same, or over the caps.
 */
int mc_prove_rational(const mc_node* nodes, int count, int a, int b, const int* generator, const int64_t* square, int generators,
                      long max_terms, long max_bits);

typedef struct {
  long roots_a, roots_b, common;                /* distinct complex roots */
  long real_roots_a, real_roots_b, real_common; /* distinct real ones */
} mc_root_sets;
/* The roots of two polynomials in one variable with rational coefficients. MC_NO: not such, zero, or over the cap. */
int mc_compare_roots(const mc_node* nodes, int count, int a, int b, int variable, long max_degree, mc_root_sets* out);

/* Calcium: a = b for constants. MC_YES, MC_NO: proven. MC_FAILED: not decided. No bound on its time: for workers. */
int mc_calcium_equal(const mc_node* nodes, int count, int a, int b);

const char* mc_library_versions(void);

#ifdef __cplusplus
}
#endif
#endif
