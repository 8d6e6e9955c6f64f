// Attention on the CPU: which thread does which tile. Pieces are handed out one by one, and each writes what no other piece writes,
// so that the result does not depend on who took it.
#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "train/ops/cpu/cpu_ops.h"
#include "train/ops/cpu/driver.h"

namespace mathcoder::train::ops::cpu {
namespace {

// body(item, scratch) for each item, by as many threads as there are, in about this order.
template <class F>
void ForItems(std::int64_t items, std::int64_t scratch_bytes, F&& body) {
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local Scratch scratch;
    void* memory = scratch.Get<char>(scratch_bytes);
    (void)begin, (void)end;  // one worker or several in one call: they take what is left
    for (std::int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items;) body(item, memory);
  });
}

// Sequences by length, the longest first: the last pieces to be handed out are small.
std::vector<std::int32_t> LongestFirst(const std::vector<std::int32_t>& borders) {
  std::vector<std::int32_t> order(borders.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return borders[a + 1] - borders[a] > borders[b + 1] - borders[b]; });
  return order;
}

template <class T>
AttentionArgs<T> ArgsOf(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& log_sum_exp, double scale,
                        std::int64_t window) {
  AttentionArgs<T> args{};
  args.q = Data<const T>(q), args.q_token = q.stride(0), args.q_head = q.stride(1);
  args.k = Data<const T>(k), args.k_token = k.stride(0), args.k_head = k.stride(1);
  args.v = Data<const T>(v), args.v_token = v.stride(0), args.v_head = v.stride(1);
  args.log_sum_exp = Data<Accumulator<T>>(log_sum_exp);
  args.tokens = q.size(0), args.heads = q.size(1), args.kv_heads = k.size(1), args.head_dim = q.size(2);
  args.window = window, args.scale = scale;
  return args;
}

}  // namespace

void Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
               std::int64_t window, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  const auto& borders = sequences.host_borders;
  WithKernels(q, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    AttentionArgs<T> args = ArgsOf<T>(q, k, v, log_sum_exp, scale, window);
    args.out_written = Data<T>(out), args.out_token = out.stride(0), args.out_head = out.stride(1);
    struct Tile {
      std::int32_t sequence, tile;
    };
    const auto order = LongestFirst(borders);
    std::vector<Tile> tiles;
    std::vector<std::int64_t> packed_at(order.size());  // where a sequence's keys of kv head 0 lie
    std::int64_t packed_bytes = 0;
    for (const std::int32_t sequence : order) {
      const std::int64_t length = borders[sequence + 1] - borders[sequence];
      packed_at[sequence] = packed_bytes;
      packed_bytes += args.kv_heads * kernels.attention_sizes(args.head_dim, length).packed_bytes;
      for (std::int64_t tile = (length + kAttentionTile - 1) / kAttentionTile; tile-- > 0;) {
        tiles.push_back({sequence, static_cast<std::int32_t>(tile)});
      }
    }
    thread_local Scratch scratch;
    char* packed = scratch.Get<char>(packed_bytes);
    const auto packed_of = [&](std::int32_t sequence, std::int64_t kv_head) {
      const std::int64_t length = borders[sequence + 1] - borders[sequence];
      return packed + packed_at[sequence] + kv_head * kernels.attention_sizes(args.head_dim, length).packed_bytes;
    };
    ForItems(static_cast<std::int64_t>(order.size()) * args.kv_heads, 64, [&](std::int64_t item, void*) {
      const std::int32_t sequence = order[static_cast<std::size_t>(item / args.kv_heads)];
      const std::int64_t kv_head = item % args.kv_heads;
      kernels.attention_pack(args, borders[sequence], borders[sequence + 1], kv_head, packed_of(sequence, kv_head));
    });
    const std::int64_t thread_bytes = kernels.attention_sizes(args.head_dim, 1).thread_bytes;
    ForItems(static_cast<std::int64_t>(tiles.size()) * args.heads, thread_bytes, [&](std::int64_t item, void* memory) {
      const Tile tile = tiles[static_cast<std::size_t>(item / args.heads)];
      const std::int64_t head = item % args.heads;
      kernels.attention_tile(args, borders[tile.sequence], borders[tile.sequence + 1], head, tile.tile,
                             packed_of(tile.sequence, head / (args.heads / args.kv_heads)), memory);
    });
  });
}

void AttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                       const at::Tensor& log_sum_exp, const Sequences& sequences, double scale, std::int64_t window,
                       const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv) {
  const auto& borders = sequences.host_borders;
  WithKernels(q, [&](auto type, const auto& kernels) {
    using T = decltype(type);
    using A = Accumulator<T>;
    AttentionArgs<T> args = ArgsOf<T>(q, k, v, log_sum_exp, scale, window);
    args.out = Data<const T>(out), args.out_token = out.stride(0), args.out_head = out.stride(1);
    args.dout = Data<const T>(dout), args.dout_token = dout.stride(0), args.dout_head = dout.stride(1);
    args.dq = Data<T>(dq), args.dq_token = dq.stride(0), args.dq_head = dq.stride(1);
    const AttentionSizes sizes = kernels.attention_sizes(args.head_dim, sequences.longest);
    const std::int64_t width = sizes.padded_dim, group = args.heads / args.kv_heads;
    const auto order = LongestFirst(borders);
    // A piece is one sequence and one kv head with all its query heads, whose dk and dv add up in one place; or, where such pieces
    // are too few or too uneven, one query head, and the sums of a group are added at the end. Both add in the order of heads: the
    // same bits.
    double total = 0;
    for (const std::int32_t s : order) total += static_cast<double>(borders[s + 1] - borders[s]) * (borders[s + 1] - borders[s]);
    const double largest = static_cast<double>(sequences.longest) * sequences.longest;
    const bool apart = group > 1 && largest * 4 * at::get_num_threads() > total * static_cast<double>(args.kv_heads);
    const std::int64_t sums = apart ? args.heads : args.kv_heads;
    thread_local Scratch scratch;
    A* sum_dk = scratch.Get<A>(2 * sums * args.tokens * width);
    A* sum_dv = sum_dk + sums * args.tokens * width;
    ForItems(static_cast<std::int64_t>(order.size()) * sums, sizes.thread_bytes, [&](std::int64_t item, void* memory) {
      const std::int32_t sequence = order[static_cast<std::size_t>(item / sums)];
      const std::int64_t at = ((item % sums) * args.tokens + borders[sequence]) * width;
      const std::int64_t heads = apart ? 1 : group, first = item % sums * heads;
      for (std::int64_t head = first; head < first + heads; ++head) {
        kernels.attention_backward(args, borders[sequence], borders[sequence + 1], head, sum_dk + at, sum_dv + at, head > first,
                                   memory);
      }
    });
    const std::int64_t count = apart ? group : 1;
    ParallelRows(args.tokens, args.heads * args.head_dim, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t token = begin; token < end; ++token) {
        for (std::int64_t head = 0; head < args.kv_heads; ++head) {
          const std::int64_t at = (head * count * args.tokens + token) * width;
          kernels.sum_vectors(sum_dk + at, count, args.tokens * width, Data<T>(dk) + token * dk.stride(0) + head * dk.stride(1),
                              args.head_dim);
          kernels.sum_vectors(sum_dv + at, count, args.tokens * width, Data<T>(dv) + token * dv.stride(0) + head * dv.stride(1),
                              args.head_dim);
        }
      }
    });
  });
}

}  // namespace mathcoder::train::ops::cpu
