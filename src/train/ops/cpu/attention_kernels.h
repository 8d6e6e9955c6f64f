// Causal attention in tiles of 64 queries and 64 keys (arXiv 2205.14135, 2307.08691). Scores are computed transposed, keys along
// rows and queries along lanes: maximum, sum and the kept log-sum-exp are then plain vectors without sums across lanes.
#pragma once

#include "train/ops/cpu/attention_pack.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

inline constexpr std::int64_t kTile = kAttentionTile;

// Hands out pieces of the caller's scratch, each aligned to 64 bytes.
class Pieces {
 public:
  explicit Pieces(void* base) : base_(static_cast<char*>(base)) {}
  template <class X>
  X* Take(std::int64_t count) {
    X* piece = base_ == nullptr ? nullptr : reinterpret_cast<X*>(base_ + used_);  // null: only counted
    used_ += RoundUp(count * static_cast<std::int64_t>(sizeof(X)), 64);
    return piece;
  }
  std::int64_t used() const { return used_; }

 private:
  char* base_;
  std::int64_t used_ = 0;
};

template <class T>
struct PackedKeys {
  typename Packing<T>::Unit *k, *v;
  PackedKeys(const Packing<T>& packing, std::int64_t length, Pieces& pieces)
      : k(pieces.Take<typename Packing<T>::Unit>(length * packing.units)),
        v(pieces.Take<typename Packing<T>::Unit>((length + 1) / Packing<T>::kDepth * packing.padded)) {}
};

template <class T>
struct ForwardScratch {
  using A = Accumulator<T>;
  typename Packing<T>::Unit *q, *p;
  A *scores, *out, *top, *sum, *shrink;
  ForwardScratch(const Packing<T>& packing, Pieces& pieces)
      : q(pieces.Take<typename Packing<T>::Unit>(packing.units * kTile)),
        p(pieces.Take<typename Packing<T>::Unit>(kTile * kTile)),
        scores(pieces.Take<A>(kTile * kTile)),
        out(pieces.Take<A>(kTile * packing.padded)),
        top(pieces.Take<A>(kTile)),
        sum(pieces.Take<A>(kTile)),
        shrink(pieces.Take<A>(kTile)) {}
};

template <class T>
struct BackwardScratch {
  using A = Accumulator<T>;
  using Unit = typename Packing<T>::Unit;
  Unit *q_n, *q_k, *dout_n, *dout_k, *k_m, *k_k, *v_m, *p, *ds, *ds_pairs;
  A *scores, *dp, *dq, *dk, *dv, *log_sum_exp, *delta;
  BackwardScratch(const Packing<T>& packing, std::int64_t length, Pieces& pieces) {
    const std::int64_t whole = RoundUp(length, kTile), deep = (length + 1) / Packing<T>::kDepth * packing.padded;
    q_n = pieces.Take<Unit>(whole * packing.units);
    dout_n = pieces.Take<Unit>(whole * packing.units);
    q_k = pieces.Take<Unit>(deep);
    dout_k = pieces.Take<Unit>(deep);
    k_k = pieces.Take<Unit>(deep);
    k_m = pieces.Take<Unit>(length * packing.units);
    v_m = pieces.Take<Unit>(length * packing.units);
    p = pieces.Take<Unit>(kTile * kTile);
    ds = pieces.Take<Unit>(kTile * kTile);
    ds_pairs = pieces.Take<Unit>(kTile * kTile);
    scores = pieces.Take<A>(kTile * kTile);
    dp = pieces.Take<A>(kTile * kTile);
    dq = pieces.Take<A>(length * packing.padded);
    dk = pieces.Take<A>(kTile * packing.padded);
    dv = pieces.Take<A>(kTile * packing.padded);
    log_sum_exp = pieces.Take<A>(whole);
    delta = pieces.Take<A>(whole);
  }
};

template <class T>
AttentionSizes Sizes(std::int64_t head_dim, std::int64_t length) {
  const Packing<T> packing(head_dim);
  Pieces packed(nullptr), forward(nullptr), backward(nullptr);
  PackedKeys<T> keys(packing, length, packed);
  ForwardScratch<T> forward_scratch(packing, forward);
  BackwardScratch<T> backward_scratch(packing, length, backward);
  return {packed.used(), Larger(forward.used(), backward.used()), packing.padded};
}

// Which lanes of queries q0, q0 + 1 ... see `key`: all bits set where they do.
template <class A>
struct Mask {
  using I = typename Lanes<A>::I;
  std::int64_t window;
  I first;  // 0, 1, 2 ...
  explicit Mask(std::int64_t w) : window(w) {
    for (int i = 0; i < kLanes<A>; ++i) first[i] = i;
  }
  // Positions in a sequence fit 31 bits.
  I See(std::int64_t query, std::int64_t key) const {
    using E = decltype(first[0] + first[0]);
    const I distance = first + static_cast<E>(query - key);
    const I past = distance >= E{0};
    return window > 0 ? past & (distance < static_cast<E>(window)) : past;
  }
  // Whether each of the `queries` from q0 sees each of the `keys` from k0.
  bool Whole(std::int64_t q0, std::int64_t queries, std::int64_t k0, std::int64_t keys) const {
    return k0 + keys - 1 <= q0 && (window <= 0 || q0 + queries - 1 - k0 < window);
  }
};

template <class T>
void AttentionPack(const AttentionArgs<T>& args, std::int64_t begin, std::int64_t end, std::int64_t kv_head, void* packed) {
  const Packing<T> packing(args.head_dim);
  Pieces pieces(packed);
  const PackedKeys<T> keys(packing, end - begin, pieces);
  packing.RowsAlongM(args.k + begin * args.k_token + kv_head * args.k_head, args.k_token, end - begin, keys.k);
  packing.RowsAlongK(args.v + begin * args.v_token + kv_head * args.v_head, args.v_token, end - begin, keys.v);
}

template <class T>
void AttentionTile(const AttentionArgs<T>& args, std::int64_t begin, std::int64_t end, std::int64_t head, std::int64_t tile,
                   const void* packed, void* scratch) {
  using A = Accumulator<T>;
  using V = Vec<A>;
  using P = Packing<T>;
  using M = typename P::M;
  const P packing(args.head_dim);
  Pieces key_pieces(const_cast<void*>(packed)), pieces(scratch);
  const PackedKeys<T> keys(packing, end - begin, key_pieces);
  const ForwardScratch<T> s(packing, pieces);
  const Mask<A> mask(args.window);
  const std::int64_t q0 = tile * kTile, queries = Smaller(kTile, end - begin - q0);
  const std::int64_t lanes = RoundUp(queries, kLanes<A>);
  packing.RowsAlongN(args.q + (begin + q0) * args.q_token + head * args.q_head, args.q_token, queries, s.q);
  for (std::int64_t i = 0; i < kTile; ++i) {
    s.top[i] = A(-1e30);  // finite: a tile may hide all its keys from a query
    s.sum[i] = 0;
  }
  const A scale = static_cast<A>(args.scale);
  const std::int64_t first_key = args.window > 0 ? Larger<std::int64_t>(0, q0 - args.window + 1) / kTile * kTile : 0;
  for (std::int64_t k0 = first_key; k0 < q0 + queries; k0 += kTile) {
    const std::int64_t count = Smaller(kTile, q0 + queries - k0);
    TileGemm<M, false>({keys.k + k0 * packing.units, packing.units, 1, s.q, kTile, s.scores, kTile, packing.units}, count, lanes);
    const bool whole = mask.Whole(q0, queries, k0, count);
    bool shrinks = false;
    for (std::int64_t lane = 0; lane < lanes; lane += kLanes<A>) {
      A* scores = s.scores + lane;
      const V before = Load(s.top + lane);
      V top = before;
      for (std::int64_t r = 0; r < count; ++r) {
        V score = Load(scores + r * kTile) * scale;
        if (!whole) score = mask.See(q0 + lane, k0 + r) ? score : Splat(-static_cast<A>(__builtin_inf()));
        Store(scores + r * kTile, score);
        top = Max(score, top);
      }
      const V shrink = Exp(before - top);
      V sum = Load(s.sum + lane) * shrink;
      if constexpr (P::kDepth == 2) {
#if defined(__AVX512BF16__)
        for (std::int64_t r = 0; r < count; r += 2) {
          const V low = Exp(Load(scores + r * kTile) - top);
          const V high = r + 1 < count ? Exp(Load(scores + (r + 1) * kTile) - top) : V{};
          sum += low;
          sum += high;
          StorePairs(s.p + r / 2 * kTile + lane, low, high);
        }
#endif
      } else {
        for (std::int64_t r = 0; r < count; ++r) {
          const V p = Exp(Load(scores + r * kTile) - top);
          sum += p;
          Store(s.p + r * kTile + lane, p);
        }
      }
      Store(s.top + lane, top);
      Store(s.sum + lane, sum);
      Store(s.shrink + lane, shrink);
      for (int i = 0; i < kLanes<A>; ++i) shrinks |= s.shrink[lane + i] != A(1);
    }
    const TileOperands<M> product{s.p,
                                  1,
                                  kTile,
                                  keys.v + k0 / P::kDepth * packing.padded,
                                  packing.padded,
                                  s.out,
                                  packing.padded,
                                  (count + P::kDepth - 1) / P::kDepth};
    if (k0 == first_key) {
      TileGemm<M, false>(product, queries, packing.padded);
      continue;
    }
    if (shrinks) {
      for (std::int64_t r = 0; r < queries; ++r) {
        A* row = s.out + r * packing.padded;
        const V shrink = Splat(s.shrink[r]);
        for (std::int64_t i = 0; i < packing.padded; i += kLanes<A>) Store(row + i, Load(row + i) * shrink);
      }
    }
    TileGemm<M, true>(product, queries, packing.padded);
  }
  for (std::int64_t r = 0; r < queries; ++r) {
    const std::int64_t token = begin + q0 + r;
    T* out = args.out_written + token * args.out_token + head * args.out_head;
    const V inverse = Splat(A(1) / s.sum[r]);
    ForVectors<A>(
        args.head_dim, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          Store(out + i, Load(s.out + r * packing.padded + i, count) * inverse, count);
        });
    args.log_sum_exp[head * args.tokens + token] = s.top[r] + Log(s.sum[r]);
  }
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
