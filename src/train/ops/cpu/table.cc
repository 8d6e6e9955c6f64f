// The kernels of one instruction set (MC_ISA) in one table.
#include "train/ops/cpu/attention_backward_kernels.h"
#include "train/ops/cpu/attention_kernels.h"
#include "train/ops/cpu/rows_kernels.h"

#define MC_NAME_(x) #x
#define MC_NAME(x) MC_NAME_(x)

namespace mathcoder::train::ops::cpu::MC_ISA {
namespace {

template <class T>
constexpr TypeKernels<T> TableOf() {
  using A = Accumulator<T>;
  TypeKernels<T> table{};
  table.rms_norm = RmsNorm<T>;
  table.rms_norm_backward = RmsNormBackward<T>;
  table.rope = Rope<T>;
  table.swiglu = SwiGlu<T>;
  table.swiglu_backward = SwiGluBackward<T>;
  table.column_sums = ColumnSums<T>;
  table.cross_entropy = CrossEntropy<T>;
  table.add_sums = Add<A, T>;
  table.add_to_sums = Add<T, A>;
  table.add = Add<T, T>;
  table.attention_sizes = Sizes<T>;
  table.attention_pack = AttentionPack<T>;
  table.attention_tile = AttentionTile<T>;
  table.attention_backward = AttentionBackward<T>;
  table.sum_vectors = SumVectors<T>;
  return table;
}

}  // namespace

extern const GemmKernels kGemm;  // gemm_kernels.cc
extern const Kernels kKernels;
const Kernels kKernels = {MC_NAME(MC_ISA), &kGemm, TableOf<float>(), TableOf<double>(), TableOf<Bf16>()};

}  // namespace mathcoder::train::ops::cpu::MC_ISA
