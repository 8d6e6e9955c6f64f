// Every backward against central differences in f64.
#include "train/ops/ops_test_util.h"

namespace mathcoder::train {
namespace {

using Gradient = EachKernels;

TEST_P(Gradient, RmsNorm) {
  for (const auto& [tokens, hidden] : std::vector<std::pair<int, int>>{{1, 1}, {3, 7}, {70, 33}, {5, 64}}) {
    at::Tensor x = Strided({tokens, hidden}), weight = Random({hidden}), y = Strided({tokens, hidden});
    at::Tensor inverse = at::empty({tokens}, at::kDouble);
    const at::Tensor dy = Strided({tokens, hidden});
    const auto f = [&] {
      ops::RmsNorm(x, weight, 1e-5, y, inverse);
      return (y * dy).sum().item<double>();
    };
    f();
    at::Tensor before = Strided({tokens, hidden}), dx = before.clone(), dweight_before = Random({hidden}),
               dweight = dweight_before.clone();
    ops::RmsNormBackward(dy, x, weight, inverse, dx, dweight);
    ExpectGradient("dx", f, x, dx - before);
    ExpectGradient("dweight", f, weight, dweight - dweight_before);
    at::Tensor again = at::empty({tokens, hidden}, at::kDouble), without = before.clone();
    ops::RmsNormAgain(x, weight, inverse, again);
    EXPECT_TRUE(at::equal(again, y));
    ops::RmsNormBackward(dy, x, weight, inverse, without, {});
    EXPECT_TRUE(at::equal(without, dx));
  }
}

TEST_P(Gradient, AddRmsNormIsAddAndRmsNorm) {
  at::Tensor h = Strided({9, 37}), y = at::empty({9, 37}, at::kDouble), expected = at::empty_like(y);
  at::Tensor inverse = at::empty({9}, at::kDouble), expected_inverse = at::empty_like(inverse);
  const at::Tensor delta = Strided({9, 37}), weight = Random({37}), sum = h + delta;
  ops::RmsNorm(sum, weight, 1e-6, expected, expected_inverse);
  ops::AddRmsNorm(h, delta, weight, 1e-6, y, inverse);
  EXPECT_TRUE(at::equal(h, sum));
  EXPECT_TRUE(at::equal(y, expected));
  EXPECT_TRUE(at::equal(inverse, expected_inverse));
  const at::Tensor spelt = sum * (sum.pow(2).mean(1, true) + 1e-6).rsqrt() * weight;
  ExpectClose(y, spelt, 1e-13, "formula");
}

TEST_P(Gradient, Rope) {
  for (const int dim : {2, 6, 64, 34}) {
    const int tokens = 11;
    const Sequences sequences = MakeSequences(Borders({4, 1, 6}), at::kCPU);
    at::Tensor x = Random({tokens, 5, dim + 2}).narrow(2, 0, dim).narrow(1, 1, 3);
    const at::Tensor angle = Random({6, dim / 2}), dy = Random({tokens, 3, dim});
    const ops::RopeTable table{angle.cos(), angle.sin()};
    const at::Tensor original = x.clone();
    const auto f = [&] {
      at::Tensor y = x.clone();
      ops::Rope(y, sequences.positions, table);
      return (y * dy).sum().item<double>();
    };
    at::Tensor dx = dy.clone();
    ops::RopeBackward(dx, sequences.positions, table);
    ExpectGradient("dx", f, x, dx);
    // Hugging Face's formula: x * cos + rotate_half(x) * sin.
    const at::Tensor c = table.cos.index_select(0, sequences.positions).unsqueeze(1),
                     s = table.sin.index_select(0, sequences.positions).unsqueeze(1);
    const at::Tensor low = original.narrow(2, 0, dim / 2), high = original.narrow(2, dim / 2, dim / 2);
    at::Tensor y = x.clone();
    ops::Rope(y, sequences.positions, table);
    ExpectClose(y, at::cat({low * c - high * s, high * c + low * s}, 2), 1e-14, "formula");
    ops::RopeBackward(y, sequences.positions, table);
    ExpectClose(y, original, 1e-14, "there and back");
  }
}

TEST_P(Gradient, SwiGlu) {
  for (const int width : {1, 7, 64, 101}) {
    at::Tensor gate_up = Strided({5, 2 * width}) * 3, out = Strided({5, width});
    const at::Tensor dout = Strided({5, width});
    const auto f = [&] {
      ops::SwiGlu(gate_up, out);
      return (out * dout).sum().item<double>();
    };
    f();
    const at::Tensor gate = gate_up.narrow(1, 0, width), up = gate_up.narrow(1, width, width);
    ExpectClose(out, gate * gate.sigmoid() * up, 1e-14, "formula");
    at::Tensor gradient = gate_up.clone(), again = at::empty({5, width}, at::kDouble), without = gate_up.clone();
    ops::SwiGluBackward(dout, gradient, again);
    ExpectGradient("gate_up", f, gate_up, gradient);
    ExpectClose(again, out, 1e-15, "out again");
    ops::SwiGluBackward(dout, without, {});
    EXPECT_TRUE(at::equal(without, gradient));
  }
}

TEST_P(Gradient, Attention) {
  for (const AttentionShape& shape : kAttentionShapes) {
    SCOPED_TRACE(testing::PrintToString(shape.lengths) + " heads " + std::to_string(shape.heads) + " dim " +
                 std::to_string(shape.head_dim) + " window " + std::to_string(shape.window));
    const Sequences sequences = MakeSequences(Borders(shape.lengths), at::kCPU);
    const std::int64_t tokens = sequences.host_borders.back(), all = shape.heads + 2 * shape.kv_heads;
    // As the model has them: views of one tensor.
    at::Tensor qkv = Random({tokens, all, shape.head_dim}), dqkv = Random({tokens, all, shape.head_dim});
    const auto part = [&](const at::Tensor& x, int i) {
      return i == 0 ? x.narrow(1, 0, shape.heads) : x.narrow(1, shape.heads + (i - 1) * shape.kv_heads, shape.kv_heads);
    };
    const at::Tensor q = part(qkv, 0), k = part(qkv, 1), v = part(qkv, 2), dout = Random({tokens, shape.heads, shape.head_dim});
    at::Tensor out = at::empty({tokens, shape.heads, shape.head_dim}, at::kDouble),
               lse = at::empty({shape.heads, tokens}, at::kDouble);
    const double scale = 1 / std::sqrt(shape.head_dim);
    ops::Attention(q, k, v, sequences, scale, shape.window, out, lse);
    at::Tensor expected, expected_lse;
    PlainAttention(q, k, v, sequences.host_borders, scale, shape.window, expected, expected_lse);
    ExpectClose(out, expected, 1e-12, "out");
    ExpectClose(lse, expected_lse, 1e-12, "log-sum-exp");
    at::Tensor dq = part(dqkv, 0), dk = part(dqkv, 1), dv = part(dqkv, 2);
    ops::AttentionBackward(dout, q, k, v, out, lse, sequences, scale, shape.window, dq, dk, dv);
    at::Tensor probe = at::empty_like(out), probe_lse = at::empty_like(lse);
    const auto f = [&] {
      ops::Attention(q, k, v, sequences, scale, shape.window, probe, probe_lse);
      return (probe * dout).sum().item<double>();
    };
    const int probes = tokens > 80 ? 5 : 15;
    ExpectGradient("dq", f, q, dq, probes);
    ExpectGradient("dk", f, k, dk, probes);
    ExpectGradient("dv", f, v, dv, probes);
  }
}

TEST_P(Gradient, Embedding) {
  for (const int hidden : {1, 64, 130}) {
    at::Tensor weight = Random({9, hidden}), out = Strided({25, hidden});
    const at::Tensor ids = Ids(25, 9), dout = Strided({25, hidden});
    const auto f = [&] {
      ops::Embedding(ids, weight, out);
      return (out * dout).sum().item<double>();
    };
    f();
    EXPECT_TRUE(at::equal(out, weight.index_select(0, ids)));
    const at::Tensor before = Random({9, hidden});
    at::Tensor dweight = before.clone();
    ops::EmbeddingBackward(ids, dout, dweight);
    ExpectGradient("dweight", f, weight, dweight - before);
  }
}

TEST_P(Gradient, Linear) {
  for (const auto& [tokens, in, out] : std::vector<std::array<int, 3>>{{1, 1, 1}, {5, 7, 3}, {67, 20, 35}}) {
    for (const bool with_bias : {false, true}) {
      at::Tensor x = Strided({tokens, in}), weight = Random({out, in}), bias = with_bias ? Random({out}) : at::Tensor(),
                 y = Strided({tokens, out});
      const at::Tensor dy = Strided({tokens, out});
      const auto f = [&] {
        ops::Linear(x, weight, bias, y);
        return (y * dy).sum().item<double>();
      };
      f();
      at::Tensor expected = at::mm(x, weight.t());
      if (with_bias) expected += bias;
      ExpectClose(y, expected, 1e-13, "y");
      at::Tensor twice = y.clone();
      ops::Linear(x, weight, bias, twice, true);
      ExpectClose(twice, 2 * expected, 1e-13, "y +=");
      at::Tensor dx = Strided({tokens, in});
      ops::LinearBackwardInput(dy, weight, dx);
      ExpectGradient("dx", f, x, dx);
      at::Tensor dx_twice = dx.clone();
      ops::LinearBackwardInput(dy, weight, dx_twice, true);
      ExpectClose(dx_twice, 2 * dx, 1e-13, "dx +=");
      const at::Tensor before = Random({out, in}), bias_before = Random({out});
      at::Tensor dweight = before.clone(), dbias = with_bias ? bias_before.clone() : at::Tensor();
      ops::LinearBackwardWeight(dy, x, dweight, dbias, 0.5);
      ExpectGradient("dweight", f, weight, 2 * (dweight - before));
      if (with_bias) ExpectGradient("dbias", f, bias, 2 * (dbias - bias_before));
    }
  }
}

TEST_P(Gradient, CrossEntropy) {
  for (const auto& [rows, hidden, vocabulary] : std::vector<std::array<int, 3>>{{1, 3, 2}, {13, 5, 37}, {40, 9, 130}}) {
    at::Tensor h = Strided({rows, hidden}), weight = Random({vocabulary, hidden}), loss = at::empty({rows}, at::kDouble);
    const at::Tensor targets = Ids(rows, vocabulary), weights = Random({rows}, at::kFloat);
    const auto f = [&] {
      ops::CrossEntropy(h, weight, targets, weights, {}, loss, {}, {});
      return 0.25 * (loss * weights).sum().item<double>();
    };
    f();
    const at::Tensor spelt = -at::mm(h, weight.t()).log_softmax(1).gather(1, targets.to(at::kLong).unsqueeze(1)).squeeze(1);
    ExpectClose(loss, spelt, 1e-13, "loss");
    const at::Tensor before = Random({vocabulary, hidden});
    at::Tensor dh = at::empty({rows, hidden}, at::kDouble), dweight = before.clone();
    ops::CrossEntropy(h, weight, targets, weights, {0, 0.25}, loss, dh, dweight);
    ExpectGradient("dh", f, h, dh);
    ExpectGradient("dweight", f, weight, dweight - before);
    // In blocks of rows: the same.
    for (const int block : {1, 4, 1000}) {
      at::Tensor dh_block = at::empty_like(dh), dweight_block = before.clone(), loss_block = at::empty_like(loss);
      ops::CrossEntropy(h, weight, targets, weights, {block, 0.25}, loss_block, dh_block, dweight_block);
      ExpectClose(loss_block, loss, 1e-14, "loss in blocks");
      ExpectClose(dh_block, dh, 1e-13, "dh in blocks");
      ExpectClose(dweight_block, dweight, 1e-13, "dweight in blocks");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, Gradient, testing::ValuesIn(KernelNames()), KernelName);

}  // namespace
}  // namespace mathcoder::train
