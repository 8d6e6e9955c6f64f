#include "train/ops/cpu/gemm.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <atomic>

#include "train/ops/cpu/driver.h"
#include "train/ops/cpu/gemm_kernels.h"

namespace mathcoder::train::ops::cpu {
namespace {

// oneDNN drives AMX, which these kernels do not.
bool FindTiles() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & (1u << 22)) != 0;
#else
  return false;
#endif
}

bool HasTiles() {
  static const bool tiles = FindTiles();
  return tiles;
}

bool Contiguous(const at::Tensor& x, std::int64_t dim) { return x.stride(dim) == 1 || x.size(dim) == 1; }

// a as pairs along k, copied where its rows do not have them.
void PackA(const GemmKernels& kernels, const at::Tensor& a, GemmArgs& args) {
  thread_local Scratch scratch;
  const std::int64_t rows = a.size(0), depth = a.size(1), units = (depth + 1) / 2, stride = a.stride(0);
  if (Contiguous(a, 1)) {
    args.a_unit = 1;
    if (depth % 2 == 0 && (stride % 2 == 0 || rows == 1)) {
      args.a = Data<const std::uint32_t>(a);
      args.a_row = stride / 2;
    } else {
      auto* packed = scratch.Get<std::uint32_t>(rows * units);
      const auto* from = Data<const Bf16>(a);
      ParallelRows(rows, depth, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          for (std::int64_t u = 0; u < units; ++u) {
            const Bf16* pair = from + row * stride + 2 * u;
            packed[row * units + u] = pair[0].bits | (2 * u + 1 < depth ? static_cast<std::uint32_t>(pair[1].bits) << 16 : 0u);
          }
        }
      });
      args.a = packed;
      args.a_row = units;
    }
    args.a_panel = kGemmRows * args.a_row;
    return;
  }
  const std::int64_t panels = (rows + kGemmRows - 1) / kGemmRows;
  auto* packed = scratch.Get<std::uint32_t>(panels * kGemmRows * units);
  constexpr std::int64_t kPanels = 16;  // at a time
  Parallel((panels + kPanels - 1) / kPanels, 1, [&](std::int64_t begin, std::int64_t end) {
    kernels.pack_columns(Data<const Bf16>(a), a.stride(1), depth, rows, begin * kPanels * kGemmRows,
                         std::min(panels, end * kPanels) * kGemmRows, packed);
  });
  args.a = packed;
  args.a_row = 1, args.a_unit = kGemmRows, args.a_panel = kGemmRows * units;
}

}  // namespace

bool HasFastBf16() { return ActiveKernels().gemm->panel != nullptr || HasTiles(); }

bool Bf16Product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, bool add, double scale) {
  const GemmKernels* kernels = ActiveKernels().gemm;
  if (kernels->panel == nullptr || HasTiles() || a.scalar_type() != at::kBFloat16) return false;
  if (a.numel() == 0 || b.numel() == 0) return false;
  MC_CHECK((Contiguous(a, 0) || Contiguous(a, 1)) && (Contiguous(b, 0) || Contiguous(b, 1)));
  GemmArgs args{};
  PackA(*kernels, a, args);
  args.b = Data<const Bf16>(b);
  args.b_rows_are_columns = !Contiguous(b, 1);
  args.b_stride = b.stride(args.b_rows_are_columns ? 1 : 0);
  args.c_bf16 = c.scalar_type() == at::kBFloat16 ? Data<Bf16>(c) : nullptr;
  args.c_f32 = c.scalar_type() == at::kFloat ? Data<float>(c) : nullptr;
  args.c_stride = c.stride(0);
  args.add = add, args.scale = static_cast<float>(scale);
  args.columns = b.size(1), args.depth = a.size(1);

  // Pieces: a panel of 64 columns by about 512 rows. A piece's panel of B is packed by who takes it.
  const std::int64_t rows = a.size(0), panels = (args.columns + kGemmColumns - 1) / kGemmColumns;
  const std::int64_t chunks = std::max<std::int64_t>(1, (rows + 511) / 512);
  const std::int64_t chunk = ((rows + chunks - 1) / chunks + kGemmRows - 1) / kGemmRows * kGemmRows;
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) {
    thread_local Scratch scratch;
    char* memory = scratch.Get<char>(GemmScratchBytes(chunk));
    for (std::int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < chunks * panels;) {
      const std::int64_t begin = item / panels * chunk;
      if (begin < rows) kernels->panel(args, begin, std::min(rows, begin + chunk), item % panels, memory);
    }
  });
  return true;
}

}  // namespace mathcoder::train::ops::cpu
