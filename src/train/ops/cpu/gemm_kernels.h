// The interface of the bf16 product's kernels (gemm_kernels.cc): C = A B with sums in f32. Where an instruction set has none, the
// driver takes libtorch's (ops/cpu/gemm.cc).
#pragma once

#include <cstdint>

#include "train/ops/cpu/kernels.h"

namespace mathcoder::train::ops::cpu {

inline constexpr std::int64_t kGemmRows = 6;      // of a register tile
inline constexpr std::int64_t kGemmColumns = 64;  // of a panel of B
inline constexpr std::int64_t kGemmUnits = 1024;  // pairs along k of a panel of B: 256 KiB

struct GemmArgs {
  // Pairs along k: pair u of row r of the p-th six rows lies at a[p * a_panel + r * a_row + u * a_unit].
  const std::uint32_t* a;
  std::int64_t a_panel, a_row, a_unit;
  const Bf16* b;
  std::int64_t b_stride;
  bool b_rows_are_columns;  // b is [n, k] rather than [k, n]
  // One of them: C, or C += where `add`; times scale.
  Bf16* c_bf16;
  float* c_f32;
  std::int64_t c_stride;
  bool add;
  float scale;
  std::int64_t columns, depth;  // n, k in elements
};

struct GemmKernels {
  // Pairs of the columns of x [depth, rows] for rows [begin, end): begin a multiple of 6. out as GemmArgs has it, a_unit = 6, a_row
  // = 1.
  void (*pack_columns)(const Bf16* x, std::int64_t stride, std::int64_t depth, std::int64_t rows, std::int64_t begin,
                       std::int64_t end, std::uint32_t* out);
  // Rows [begin, end) of C, begin a multiple of 6, of one panel of 64 columns. scratch: gemm_scratch_bytes.
  void (*panel)(const GemmArgs&, std::int64_t begin, std::int64_t end, std::int64_t panel, void* scratch);
};
constexpr std::int64_t GemmScratchBytes(std::int64_t rows) { return kGemmUnits * kGemmColumns * 4 + rows * kGemmColumns * 4; }

}  // namespace mathcoder::train::ops::cpu
