// FlashAttention-2 (arXiv 2307.08691) on packed sequences, as libtorch has it inside. These functions of ATen are private: another
// version of libtorch may have other ones, and this file is where that shows.
#include <ATen/Context.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward_no_dropout_inplace.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "base/check.h"
#include "train/ops/cuda/device.h"

namespace mathcoder::train::cuda {
namespace {

// Without it the sums of dq are added atomically, in whatever order.
class Deterministic {
 public:
  Deterministic()
      : before_(at::globalContext().deterministicAlgorithms()), warn_(at::globalContext().deterministicAlgorithmsWarnOnly()) {
    at::globalContext().setDeterministicAlgorithms(true, false);
  }
  ~Deterministic() { at::globalContext().setDeterministicAlgorithms(before_, warn_); }
  Deterministic(const Deterministic&) = delete;
  Deterministic& operator=(const Deterministic&) = delete;

 private:
  const bool before_, warn_;
};

// Tokens to the left of a token that it sees besides itself.
std::optional<std::int64_t> Left(std::int64_t window) { return window > 0 ? std::optional(window - 1) : std::nullopt; }

bool Whole16Bytes(const at::Tensor& x) {
  return reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0 && x.stride(0) % 8 == 0 && x.stride(1) % 8 == 0;
}

}  // namespace

bool HasFastAttention(const at::Tensor& q, const Sequences& sequences) {
  // Where each sequence is one token, it folds the heads of a group into tokens, and log_sum_exp with them: not worth a case of its
  // own.
  return q.scalar_type() == at::kBFloat16 && q.size(2) % 8 == 0 && q.size(2) <= 256 && Whole16Bytes(q) && sequences.longest > 1;
}

void FastAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sequences& sequences, double scale,
                   std::int64_t window, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  at::Tensor written = out;
  // f32 [heads, tokens], natural logarithms.
  const at::Tensor sums = at::_flash_attention_forward_no_dropout_inplace(
      written, q, k, v, sequences.borders, sequences.borders, sequences.longest, sequences.longest, /*dropout_p=*/0,
      /*is_causal=*/true, /*return_debug_mask=*/false, scale, Left(window),
      /*window_size_right=*/0);
  MC_CHECK(sums.sizes() == log_sum_exp.sizes());
  log_sum_exp.copy_(sums);
}

void FastAttentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const at::Tensor& out, const at::Tensor& log_sum_exp, const Sequences& sequences, double scale,
                           std::int64_t window, const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv) {
  const Deterministic scope;
  // Of dropout, which there is none of.
  const at::Tensor random_state = at::zeros({2}, q.options().dtype(at::kUInt64)),
                   unused = at::empty({}, q.options().dtype(at::kUInt64));
  const auto [query, key, value] = at::_flash_attention_backward(
      dout, q, k, v, out, log_sum_exp, sequences.borders, sequences.borders, sequences.longest, sequences.longest, /*dropout_p=*/0,
      /*is_causal=*/true, random_state, unused, scale, Left(window), /*window_size_right=*/0);
  dq.copy_(query);
  dk.copy_(key);
  dv.copy_(value);
}

}  // namespace mathcoder::train::cuda
