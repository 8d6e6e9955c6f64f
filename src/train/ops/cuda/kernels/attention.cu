// Attention for any type and head size, without a matrix of [tokens, tokens]: a warp for a token and head, 32 of the tokens it sees
// (or is seen by) at a time, a lane each. Plain rather than fast: bf16 takes attention_cuda.cc's way wherever that has one.
#include "train/ops/cuda/kernels/element.h"
#include "train/ops/cuda/kernels/kernels.h"

namespace mathcoder::train::cuda {
namespace {

constexpr int kWarps = 4;  // of a block
constexpr int kLanes = 32;

// Shared memory of a warp: `vectors` of head_dim, and two numbers a lane.
template <class A>
__device__ A* WarpMemory(A* shared, std::int64_t head_dim, int vectors) {
  return shared + threadIdx.x / kLanes * (vectors * head_dim + 2 * kLanes);
}
template <class A>
std::size_t SharedBytes(std::int64_t head_dim, int vectors) {
  return sizeof(A) * kWarps * static_cast<std::size_t>(vectors * head_dim + 2 * kLanes);
}

template <class T>
__device__ Accumulator<T> Dot(const Accumulator<T>* a, const T* b, std::int64_t n) {
  Accumulator<T> sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * ToSum(b[i]);
  return sum;
}

// The first token that `token` sees.
template <class T>
__device__ std::int64_t FirstSeen(const AttentionArgs<T>& args, std::int64_t token) {
  const std::int64_t begin = token - args.positions[token], near = token - args.window + 1;
  return args.window > 0 && near > begin ? near : begin;
}

template <class T>
__global__ void __launch_bounds__(kWarps* kLanes) AttentionKernel(AttentionArgs<T> args) {
  using A = Accumulator<T>;
  MC_DYNAMIC_SHARED(A, shared);
  const std::int64_t token = blockIdx.x, head = blockIdx.y * kWarps + threadIdx.x / kLanes;
  if (head >= args.heads) return;  // a whole warp
  const std::int64_t kv_head = head / (args.heads / args.kv_heads), dim = args.head_dim;
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  A* q = WarpMemory(shared, dim, 2);
  A* sums = q + dim;
  A* share = sums + dim;  // [lanes]
  for (std::int64_t d = lane; d < dim; d += kLanes) {
    q[d] = ToSum(args.q[token * args.q_token + head * args.q_head + d]) * static_cast<A>(args.scale);
    sums[d] = 0;
  }
  __syncwarp();
  A top = -Infinity<A>(), total = 0;
  for (std::int64_t first = FirstSeen(args, token); first <= token; first += kLanes) {
    const std::int64_t key = first + lane;
    const A score = key <= token ? Dot<T>(q, args.k + key * args.k_token + kv_head * args.k_head, dim) : -Infinity<A>();
    const A higher = Larger(top, WarpMax(score));
    const A shrink = Exp(top - higher), mine = Exp(score - higher);
    share[lane] = mine;
    total = total * shrink + WarpSum(mine);
    top = higher;
    __syncwarp();
    const int count = static_cast<int>(token - first + 1 < kLanes ? token - first + 1 : kLanes);
    for (std::int64_t d = lane; d < dim; d += kLanes) {
      A sum = sums[d] * shrink;
      for (int i = 0; i < count; ++i) sum += share[i] * ToSum(args.v[(first + i) * args.v_token + kv_head * args.v_head + d]);
      sums[d] = sum;
    }
    __syncwarp();
  }
  for (std::int64_t d = lane; d < dim; d += kLanes) {
    args.out_written[token * args.out_token + head * args.out_head + d] = FromSum<T>(sums[d] / total);
  }
  if (lane == 0) args.log_sum_exp[head * args.tokens + token] = top + Log(total);
}

// dq of a token and head; and dout . out, which the other kernel needs.
template <class T>
__global__ void __launch_bounds__(kWarps* kLanes) AttentionQueriesKernel(AttentionArgs<T> args) {
  using A = Accumulator<T>;
  MC_DYNAMIC_SHARED(A, shared);
  const std::int64_t token = blockIdx.x, head = blockIdx.y * kWarps + threadIdx.x / kLanes;
  if (head >= args.heads) return;
  const std::int64_t kv_head = head / (args.heads / args.kv_heads), dim = args.head_dim;
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  const A scale = static_cast<A>(args.scale);
  A* q = WarpMemory(shared, dim, 3);
  A* dout = q + dim;
  A* sums = dout + dim;
  A* share = sums + dim;
  A product = 0;
  for (std::int64_t d = lane; d < dim; d += kLanes) {
    q[d] = ToSum(args.q[token * args.q_token + head * args.q_head + d]) * scale;
    dout[d] = ToSum(args.dout[token * args.dout_token + head * args.dout_head + d]);
    product += dout[d] * ToSum(args.out[token * args.out_token + head * args.out_head + d]);
    sums[d] = 0;
  }
  product = WarpSum(product);
  if (lane == 0) args.products[head * args.tokens + token] = product;
  __syncwarp();
  const A log_sum = args.log_sum_exp[head * args.tokens + token];
  for (std::int64_t first = FirstSeen(args, token); first <= token; first += kLanes) {
    const std::int64_t key = first + lane;
    if (key <= token) {
      const A probability = Exp(Dot<T>(q, args.k + key * args.k_token + kv_head * args.k_head, dim) - log_sum);
      share[lane] = probability * (Dot<T>(dout, args.v + key * args.v_token + kv_head * args.v_head, dim) - product);
    }
    __syncwarp();
    const int count = static_cast<int>(token - first + 1 < kLanes ? token - first + 1 : kLanes);
    for (std::int64_t d = lane; d < dim; d += kLanes) {
      A sum = sums[d];
      for (int i = 0; i < count; ++i) sum += share[i] * ToSum(args.k[(first + i) * args.k_token + kv_head * args.k_head + d]);
      sums[d] = sum;
    }
    __syncwarp();
  }
  for (std::int64_t d = lane; d < dim; d += kLanes)
    args.dq[token * args.dq_token + head * args.dq_head + d] = FromSum<T>(sums[d] * scale);
}

// dk and dv of a token and kv head: over the heads that share it and the tokens that see it, in order.
template <class T>
__global__ void __launch_bounds__(kWarps* kLanes) AttentionKeysKernel(AttentionArgs<T> args) {
  using A = Accumulator<T>;
  MC_DYNAMIC_SHARED(A, shared);
  const std::int64_t token = blockIdx.x, kv_head = blockIdx.y * kWarps + threadIdx.x / kLanes;
  if (kv_head >= args.kv_heads) return;
  const std::int64_t group = args.heads / args.kv_heads, dim = args.head_dim, begin = token - args.positions[token];
  const int lane = static_cast<int>(threadIdx.x % kLanes);
  const A scale = static_cast<A>(args.scale);
  A* k = WarpMemory(shared, dim, 4);
  A* v = k + dim;
  A* dk = v + dim;
  A* dv = dk + dim;
  A* probabilities = dv + dim;
  A* share = probabilities + kLanes;
  for (std::int64_t d = lane; d < dim; d += kLanes) {
    k[d] = ToSum(args.k[token * args.k_token + kv_head * args.k_head + d]) * scale;
    v[d] = ToSum(args.v[token * args.v_token + kv_head * args.v_head + d]);
    dk[d] = dv[d] = 0;
  }
  __syncwarp();
  for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    for (std::int64_t first = token; first < args.tokens && first - args.positions[first] == begin; first += kLanes) {
      if (args.window > 0 && first - token >= args.window) break;
      const std::int64_t query = first + lane;
      A probability = 0, mine = 0;
      const bool sees =
          query < args.tokens && query - args.positions[query] == begin && (args.window == 0 || query - token < args.window);
      if (sees) {
        const std::int64_t at = head * args.tokens + query;
        probability = Exp(Dot<T>(k, args.q + query * args.q_token + head * args.q_head, dim) - args.log_sum_exp[at]);
        mine = probability * (Dot<T>(v, args.dout + query * args.dout_token + head * args.dout_head, dim) - args.products[at]);
      }
      probabilities[lane] = probability;
      share[lane] = mine;
      __syncwarp();
      const int count = WarpSum(sees ? 1 : 0);  // the first lanes
      for (std::int64_t d = lane; d < dim; d += kLanes) {
        A key_sum = dk[d], value_sum = dv[d];
        for (int i = 0; i < count; ++i) {
          key_sum += share[i] * ToSum(args.q[(first + i) * args.q_token + head * args.q_head + d]);
          value_sum += probabilities[i] * ToSum(args.dout[(first + i) * args.dout_token + head * args.dout_head + d]);
        }
        dk[d] = key_sum;
        dv[d] = value_sum;
      }
      __syncwarp();
    }
  }
  for (std::int64_t d = lane; d < dim; d += kLanes) {
    args.dk[token * args.dk_token + kv_head * args.dk_head + d] = FromSum<T>(dk[d] * scale);
    args.dv[token * args.dv_token + kv_head * args.dv_head + d] = FromSum<T>(dv[d]);
  }
}

template <class T>
dim3 Grid(const AttentionArgs<T>& args, std::int64_t heads) {
  return dim3(static_cast<unsigned>(args.tokens), Blocks(heads, kWarps));
}

}  // namespace

template <class T>
void Attention(const AttentionArgs<T>& args, Stream stream) {
  Launch("attention", Grid(args, args.heads), kWarps * kLanes, SharedBytes<Accumulator<T>>(args.head_dim, 2), stream,
         AttentionKernel<T>, args);
}

template <class T>
void AttentionBackward(const AttentionArgs<T>& args, Stream stream) {
  using A = Accumulator<T>;
  Launch("attention_queries", Grid(args, args.heads), kWarps * kLanes, SharedBytes<A>(args.head_dim, 3), stream,
         AttentionQueriesKernel<T>, args);
  Launch("attention_keys", Grid(args, args.kv_heads), kWarps * kLanes, SharedBytes<A>(args.head_dim, 4), stream,
         AttentionKeysKernel<T>, args);
}

#define MC_INSTANTIATE(T)                                   \
  template void Attention(const AttentionArgs<T>&, Stream); \
  template void AttentionBackward(const AttentionArgs<T>&, Stream)
MC_INSTANTIATE(float);
MC_INSTANTIATE(double);
MC_INSTANTIATE(Bf16);

}  // namespace mathcoder::train::cuda
