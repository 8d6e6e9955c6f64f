// The bf16 product with pairs: six rows of A against 64 columns of B in registers, sums along k in order. A panel of B is packed
// once for the rows of a piece and stays in the second cache; A is read through, 24 bytes for 384 sums.
#include "train/ops/cpu/gemm_kernels.h"

#include "train/ops/cpu/tile_gemm.h"
#include "train/ops/cpu/transpose.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

#if defined(__AVX512BF16__)
namespace {

MC_INLINE __m512i Interleave(const Bf16* low, const Bf16* high, __mmask16 mask) {
  const __m512i l = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, low));
  if (high == nullptr) return l;
  return _mm512_or_si512(l, _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, high)), 16));
}
MC_INLINE __mmask16 FirstLanes(std::int64_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << Larger<std::int64_t>(count, 0)) - 1);
}

void PackColumns(const Bf16* x, std::int64_t stride, std::int64_t depth, std::int64_t rows, std::int64_t begin, std::int64_t end,
                 std::uint32_t* out) {
  constexpr std::int64_t kBlock = 16 * kGemmRows;  // sixteen panels are written at a time
  constexpr std::int64_t kBatch = 16;
  const std::int64_t units = (depth + 1) / 2;
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t count = Smaller(kBlock, end - first);
    // Some units at a time: a copy of six pairs may lie across two vectors, and must find them stored.
    for (std::int64_t unit = 0; unit < units; unit += kBatch) {
      const std::int64_t batch = Smaller(kBatch, units - unit);
      std::uint32_t pairs[kBatch][kBlock];
      for (std::int64_t u = 0; u < batch; ++u) {
        const Bf16* low = x + 2 * (unit + u) * stride + first;
        const Bf16* high = 2 * (unit + u) + 1 < depth ? low + stride : nullptr;
        for (std::int64_t i = 0; i < kBlock; i += 16) {
          const __mmask16 mask = FirstLanes(Smaller(count, rows - first) - i);
          _mm512_storeu_si512(pairs[u] + i,
                              mask == 0 ? _mm512_setzero_si512() : Interleave(low + i, high == nullptr ? nullptr : high + i, mask));
        }
      }
      std::uint32_t* to = out + (first / kGemmRows * units + unit) * kGemmRows;
      for (std::int64_t i = 0; i < count; i += kGemmRows, to += units * kGemmRows) {
        for (std::int64_t u = 0; u < batch; ++u) __builtin_memcpy(to + u * kGemmRows, pairs[u] + i, kGemmRows * 4);
      }
    }
  }
}

void PackPanel(const GemmArgs& args, std::int64_t column, std::int64_t columns, std::int64_t unit, std::int64_t units,
               std::uint32_t* out) {
  const std::int64_t depth = Smaller(2 * units, args.depth - 2 * unit);
  if (args.b_rows_are_columns) {
    for (std::int64_t j = 0; j < columns; j += 16) {
      TransposeRows(args.b + (column + j) * args.b_stride + 2 * unit, args.b_stride * 2, Smaller<std::int64_t>(16, columns - j),
                    depth * 2, out + j, kGemmColumns);
    }
    return;
  }
  for (std::int64_t u = 0; u < units; ++u) {
    const Bf16* low = args.b + 2 * (unit + u) * args.b_stride + column;
    const Bf16* high = 2 * u + 1 < depth ? low + args.b_stride : nullptr;
    for (std::int64_t j = 0; j < columns; j += 16) {
      _mm512_storeu_si512(out + u * kGemmColumns + j,
                          Interleave(low + j, high == nullptr ? nullptr : high + j, FirstLanes(columns - j)));
    }
  }
}

MC_INLINE void Finish(const GemmArgs& args, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns,
                      const float* sums) {
  for (std::int64_t r = 0; r < rows; ++r, sums += kGemmColumns) {
    const std::int64_t at = (row + r) * args.c_stride + column;
    ForVectors<float>(
        columns, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          F32 value = Load(sums + i) * args.scale;
          if (args.c_f32 != nullptr) {
            if (args.add) value += Load(args.c_f32 + at + i, count);
            Store(args.c_f32 + at + i, value, count);
          } else {
            if (args.add) value += Load(args.c_bf16 + at + i, count);
            Store(args.c_bf16 + at + i, value, count);
          }
        });
  }
}

template <bool kAdd>
MC_INLINE void Tile(const TileOperands<PairUnits>& tile, std::int64_t rows, std::int64_t vectors) {
  if (vectors == 4) return RowsOfTiles<PairUnits, kAdd, 4>(tile, rows);
  if (vectors == 3) return RowsOfTiles<PairUnits, kAdd, 3>(tile, rows);
  if (vectors == 2) return RowsOfTiles<PairUnits, kAdd, 2>(tile, rows);
  RowsOfTiles<PairUnits, kAdd, 1>(tile, rows);
}

void Panel(const GemmArgs& args, std::int64_t begin, std::int64_t end, std::int64_t panel, void* scratch) {
  static_assert(kGemmRows == kTileRows && kGemmColumns == 4 * kLanes<float>);
  auto* packed = static_cast<std::uint32_t*>(scratch);
  auto* sums = reinterpret_cast<float*>(packed + kGemmUnits * kGemmColumns);
  const std::int64_t column = panel * kGemmColumns, columns = Smaller(kGemmColumns, args.columns - column);
  const std::int64_t vectors = (columns + kLanes<float> - 1) / kLanes<float>, units = (args.depth + 1) / 2;
  for (std::int64_t unit = 0; unit < units; unit += kGemmUnits) {
    const std::int64_t count = Smaller(kGemmUnits, units - unit);
    PackPanel(args, column, columns, unit, count, packed);
    for (std::int64_t row = begin; row < end; row += kGemmRows) {
      const std::int64_t rows = Smaller(kGemmRows, end - row);
      const TileOperands<PairUnits> tile{args.a + row / kGemmRows * args.a_panel + unit * args.a_unit,
                                         args.a_row,
                                         args.a_unit,
                                         packed,
                                         kGemmColumns,
                                         sums + (row - begin) * kGemmColumns,
                                         kGemmColumns,
                                         count};
      if (unit == 0) {
        Tile<false>(tile, rows, vectors);
      } else {
        Tile<true>(tile, rows, vectors);
      }
      if (unit + count == units) Finish(args, row, rows, column, columns, sums + (row - begin) * kGemmColumns);
    }
  }
}

}  // namespace

extern const GemmKernels kGemm;
const GemmKernels kGemm = {PackColumns, Panel};

#else

extern const GemmKernels kGemm;
const GemmKernels kGemm = {nullptr, nullptr};

#endif

}  // namespace mathcoder::train::ops::cpu::MC_ISA
