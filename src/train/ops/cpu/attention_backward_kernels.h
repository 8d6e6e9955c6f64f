// The gradient of attention, one head of one sequence: probabilities again from the kept log-sum-exp, five products a tile.
//   dv = p^T do;  dp = do v^T;  ds = p (dp - sum(do * o)) scale;  dq = ds k;  dk = ds^T q
#pragma once

#include "train/ops/cpu/attention_kernels.h"
#include "train/ops/cpu/rows_kernels.h"

namespace mathcoder::train::ops::cpu::MC_ISA {

// p and ds of one tile from scores and dp, as operands: p and ds [keys, queries] with units along queries, ds_pairs with units
// along keys.
template <class T>
MC_INLINE void ProbabilitiesAndTheirGradient(const BackwardScratch<T>& s, const Mask<Accumulator<T>>& mask, Accumulator<T> scale,
                                             std::int64_t q0, std::int64_t queries, std::int64_t k0, std::int64_t count) {
  using A = Accumulator<T>;
  using V = Vec<A>;
  const bool whole = mask.Whole(q0, queries, k0, count);
  const std::int64_t lanes = RoundUp(queries, kLanes<A>);
  for (std::int64_t lane = 0; lane < lanes; lane += kLanes<A>) {
    const V log_sum_exp = Load(s.log_sum_exp + q0 + lane), delta = Load(s.delta + q0 + lane);
    const auto p_and_ds = [&](std::int64_t r, V & p, V & ds) __attribute__((always_inline)) {
      p = Exp(Load(s.scores + r * kTile + lane) * scale - log_sum_exp);
      if (!whole) p = mask.See(q0 + lane, k0 + r) ? p : V{};
      ds = p * (Load(s.dp + r * kTile + lane) - delta) * scale;
    };
    if constexpr (Packing<T>::kDepth == 2) {
#if defined(__AVX512BF16__)
      Bf16* p_rows = reinterpret_cast<Bf16*>(s.p) + lane;
      Bf16* ds_rows = reinterpret_cast<Bf16*>(s.ds) + lane;
      for (std::int64_t r = 0; r < count; r += 2) {
        V p, ds, next_p, next_ds{};
        p_and_ds(r, p, ds);
        Store(p_rows + r * kTile, p);
        Store(ds_rows + r * kTile, ds);
        if (r + 1 < count) {
          p_and_ds(r + 1, next_p, next_ds);
          Store(p_rows + (r + 1) * kTile, next_p);
          Store(ds_rows + (r + 1) * kTile, next_ds);
        }
        StorePairs(s.ds_pairs + r / 2 * kTile + lane, ds, next_ds);
      }
#endif
    } else {
      for (std::int64_t r = 0; r < count; ++r) {
        V p, ds;
        p_and_ds(r, p, ds);
        Store(s.p + r * kTile + lane, p);
        Store(s.ds + r * kTile + lane, ds);
      }
    }
  }
}

template <class T>
void PackForBackward(const AttentionArgs<T>& args, const Packing<T>& packing, std::int64_t begin, std::int64_t end,
                     std::int64_t head, const BackwardScratch<T>& s) {
  using A = Accumulator<T>;
  const std::int64_t length = end - begin, kv_head = head / (args.heads / args.kv_heads);
  const T* q = args.q + begin * args.q_token + head * args.q_head;
  const T* k = args.k + begin * args.k_token + kv_head * args.k_head;
  const T* v = args.v + begin * args.v_token + kv_head * args.v_head;
  const T* out = args.out + begin * args.out_token + head * args.out_head;
  const T* dout = args.dout + begin * args.dout_token + head * args.dout_head;
  for (std::int64_t q0 = 0; q0 < length; q0 += kTile) {
    const std::int64_t queries = Smaller(kTile, length - q0);
    packing.RowsAlongN(q + q0 * args.q_token, args.q_token, queries, s.q_n + q0 * packing.units);
    packing.RowsAlongN(dout + q0 * args.dout_token, args.dout_token, queries, s.dout_n + q0 * packing.units);
  }
  packing.RowsAlongK(q, args.q_token, length, s.q_k);
  packing.RowsAlongK(dout, args.dout_token, length, s.dout_k);
  packing.RowsAlongK(k, args.k_token, length, s.k_k);
  packing.RowsAlongM(k, args.k_token, length, s.k_m);
  packing.RowsAlongM(v, args.v_token, length, s.v_m);
  for (std::int64_t r = 0; r < length; ++r) {
    Vec<A> sum{};
    ForVectors<A>(
        args.head_dim, [&](std::int64_t i, int count) __attribute__((always_inline)) {
          sum += Load(dout + r * args.dout_token + i, count) * Load(out + r * args.out_token + i, count);
        });
    s.delta[r] = SumLanes(sum);
    s.log_sum_exp[r] = args.log_sum_exp[head * args.tokens + begin + r];
  }
  for (std::int64_t r = length; r < RoundUp(length, kTile); ++r) {
    s.delta[r] = 0;
    s.log_sum_exp[r] = static_cast<A>(__builtin_inf());  // the padding's probabilities are 0
  }
}

template <class T>
void AttentionBackward(const AttentionArgs<T>& args, std::int64_t begin, std::int64_t end, std::int64_t head, Accumulator<T>* dk,
                       Accumulator<T>* dv, bool add, void* scratch) {
  using A = Accumulator<T>;
  using P = Packing<T>;
  using M = typename P::M;
  constexpr int kDepth = P::kDepth;
  const P packing(args.head_dim);
  const std::int64_t length = end - begin, padded = packing.padded;
  Pieces pieces(scratch);
  const BackwardScratch<T> s(packing, length, pieces);
  const Mask<A> mask(args.window);
  const A scale = static_cast<A>(args.scale);
  PackForBackward(args, packing, begin, end, head, s);
  for (std::int64_t i = 0; i < length * padded; i += kLanes<A>) Store(s.dq + i, Vec<A>{});
  for (std::int64_t k0 = 0; k0 < length; k0 += kTile) {
    const std::int64_t count = Smaller(kTile, length - k0);
    const std::int64_t key_units = (count + kDepth - 1) / kDepth;
    for (std::int64_t q0 = k0; q0 < length; q0 += kTile) {
      if (args.window > 0 && q0 - (k0 + count - 1) >= args.window) break;
      const std::int64_t queries = Smaller(kTile, length - q0), lanes = RoundUp(queries, kLanes<A>);
      const std::int64_t query_units = (queries + kDepth - 1) / kDepth;
      TileGemm<M, false>(
          {s.k_m + k0 * packing.units, packing.units, 1, s.q_n + q0 * packing.units, kTile, s.scores, kTile, packing.units}, count,
          lanes);
      TileGemm<M, false>(
          {s.v_m + k0 * packing.units, packing.units, 1, s.dout_n + q0 * packing.units, kTile, s.dp, kTile, packing.units}, count,
          lanes);
      ProbabilitiesAndTheirGradient(s, mask, scale, q0, queries, k0, count);
      const TileOperands<M> into_dv{s.p, kTile / kDepth, 1, s.dout_k + q0 / kDepth * padded, padded, s.dv, padded, query_units};
      const TileOperands<M> into_dk{s.ds, kTile / kDepth, 1, s.q_k + q0 / kDepth * padded, padded, s.dk, padded, query_units};
      if (q0 == k0) {
        TileGemm<M, false>(into_dv, count, padded);
        TileGemm<M, false>(into_dk, count, padded);
      } else {
        TileGemm<M, true>(into_dv, count, padded);
        TileGemm<M, true>(into_dk, count, padded);
      }
      TileGemm<M, true>(
          {kDepth == 2 ? s.ds_pairs : s.ds, 1, kTile, s.k_k + k0 / kDepth * padded, padded, s.dq + q0 * padded, padded, key_units},
          queries, padded);
    }
    for (std::int64_t i = 0; i < count * padded; i += kLanes<A>) {
      A *to_k = dk + k0 * padded + i, *to_v = dv + k0 * padded + i;
      Store(to_k, add ? Load(to_k) + Load(s.dk + i) : Load(s.dk + i));
      Store(to_v, add ? Load(to_v) + Load(s.dv + i) : Load(s.dv + i));
    }
  }
  for (std::int64_t r = 0; r < length; ++r) {
    SumVectors<T>(s.dq + r * padded, 1, 0, args.dq + (begin + r) * args.dq_token + head * args.dq_head, args.head_dim);
  }
}

}  // namespace mathcoder::train::ops::cpu::MC_ISA
