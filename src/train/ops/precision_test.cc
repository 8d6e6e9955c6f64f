// f32 and bf16 against f64 on the same inputs; the same bits from any number of threads; no look across borders.
#include <ATen/Parallel.h>

#include "train/ops/ops_test_util.h"

namespace mathcoder::train {
namespace {

class Precision : public EachKernels {
 protected:
  // Of results that are rounded once to the type, relative to the largest.
  static double Tolerance(at::ScalarType type) { return type == at::kFloat ? 3e-6 : 8e-3; }
};

const std::vector<at::ScalarType> kTypes = {at::kFloat, at::kBFloat16};

TEST_P(Precision, Rows) {
  for (const at::ScalarType type : kTypes) {
    const double tolerance = Tolerance(type);
    const at::Tensor x = Strided({70, 101}, type), weight = Random({101}, type), dy = Strided({70, 101}, type);
    at::Tensor y = at::empty({70, 101}, type), inverse = at::empty({70}, at::kFloat), dx = Random({70, 101}, type);
    at::Tensor y64 = at::empty({70, 101}, at::kDouble), inverse64 = at::empty({70}, at::kDouble), dx64 = dx.to(at::kDouble);
    at::Tensor dweight = at::zeros({101}, at::kFloat), dweight64 = at::zeros({101}, at::kDouble);
    ops::RmsNorm(x, weight, 1e-5, y, inverse);
    ops::RmsNorm(x.to(at::kDouble), weight.to(at::kDouble), 1e-5, y64, inverse64);
    ExpectClose(y, y64, tolerance, "norm");
    ExpectClose(inverse, inverse64, 1e-6, "inverse");
    ops::RmsNormBackward(dy, x, weight, inverse, dx, dweight);
    ops::RmsNormBackward(dy.to(at::kDouble), x.to(at::kDouble), weight.to(at::kDouble), inverse64, dx64, dweight64);
    ExpectClose(dx, dx64, tolerance, "norm dx");
    ExpectClose(dweight, dweight64, 1e-5, "norm dweight");

    at::Tensor gate_up = Strided({33, 2 * 77}, type) * 4, out = at::empty({33, 77}, type), out64 = at::empty({33, 77}, at::kDouble);
    at::Tensor gate_up64 = gate_up.to(at::kDouble);
    const at::Tensor dout = Random({33, 77}, type);
    ops::SwiGlu(gate_up, out);
    ops::SwiGlu(gate_up64, out64);
    ExpectClose(out, out64, tolerance, "swiglu");
    ops::SwiGluBackward(dout, gate_up, {});
    ops::SwiGluBackward(dout.to(at::kDouble), gate_up64, {});
    ExpectClose(gate_up, gate_up64, tolerance, "swiglu backward");

    const Sequences sequences = MakeSequences({0, 20, 33}, at::kCPU);
    at::Tensor rotated = Random({33, 3, 34}, type), rotated64 = rotated.to(at::kDouble);
    const at::Tensor angle = Random({20, 17});
    ops::Rope(rotated, sequences.positions, {angle.cos().to(at::kFloat), angle.sin().to(at::kFloat)});
    ops::Rope(rotated64, sequences.positions, {angle.cos(), angle.sin()});
    ExpectClose(rotated, rotated64, tolerance, "rope");

    const at::Tensor ids = Ids(33, 5);
    at::Tensor wide = at::zeros({5, 77}, at::kFloat), narrow = at::zeros({5, 77}, type), wide64 = at::zeros({5, 77}, at::kDouble);
    ops::EmbeddingBackward(ids, dout, wide);
    ops::EmbeddingBackward(ids, dout, narrow);
    ops::EmbeddingBackward(ids, dout.to(at::kDouble), wide64);
    ExpectClose(wide, wide64, 1e-6, "embedding");
    ExpectClose(narrow, wide64, 4 * tolerance, "embedding, narrow");
  }
}

TEST_P(Precision, RoundsToNearestEven) {
  // 1 + 2^-8 is a tie between 1 and 1 + 2^-7: to even, down; 1 + 3 * 2^-8: up.
  at::Tensor one = at::ones({1, 16}, at::kBFloat16), h = one.clone(), y = at::empty_like(h), inverse = at::empty({1}, at::kFloat);
  at::Tensor delta = at::full({1, 16}, std::ldexp(1.0, -8), at::kBFloat16);
  ops::AddRmsNorm(h, delta, one.squeeze(0), 0, y, inverse);
  EXPECT_EQ(h[0][0].item<float>(), 1.0f);
  delta = at::full({1, 16}, 3 * std::ldexp(1.0, -8), at::kBFloat16);
  ops::AddRmsNorm(h, delta, one.squeeze(0), 0, y, inverse);
  EXPECT_EQ(h[0][0].item<float>(), 1.0f + std::ldexp(1.0f, -6));
  delta = at::full({1, 16}, NAN, at::kBFloat16);
  ops::AddRmsNorm(h, delta, one.squeeze(0), 0, y, inverse);
  EXPECT_TRUE(std::isnan(h[0][0].item<float>()));
}

TEST_P(Precision, Attention) {
  for (const at::ScalarType type : kTypes) {
    for (const AttentionShape& shape : kAttentionShapes) {
      const Sequences sequences = MakeSequences(Borders(shape.lengths), at::kCPU);
      const std::int64_t tokens = sequences.host_borders.back();
      const at::Tensor q = Random({tokens, shape.heads, shape.head_dim}, type),
                       k = Random({tokens, shape.kv_heads, shape.head_dim}, type),
                       v = Random({tokens, shape.kv_heads, shape.head_dim}, type),
                       dout = Random({tokens, shape.heads, shape.head_dim}, type);
      at::Tensor out = at::empty_like(q), lse = at::empty({shape.heads, tokens}, at::kFloat), dq = at::empty_like(q),
                 dk = at::empty_like(k), dv = at::empty_like(v);
      const double scale = 1 / std::sqrt(shape.head_dim);
      ops::Attention(q, k, v, sequences, scale, shape.window, out, lse);
      ops::AttentionBackward(dout, q, k, v, out, lse, sequences, scale, shape.window, dq, dk, dv);
      const auto wide = [](const at::Tensor& x) { return x.to(at::kDouble); };
      at::Tensor out64 = at::empty(out.sizes(), at::kDouble), lse64 = at::empty(lse.sizes(), at::kDouble),
                 dq64 = at::empty_like(out64), dk64 = at::empty(k.sizes(), at::kDouble), dv64 = at::empty_like(dk64);
      ops::Attention(wide(q), wide(k), wide(v), sequences, scale, shape.window, out64, lse64);
      ops::AttentionBackward(wide(dout), wide(q), wide(k), wide(v), out64, lse64, sequences, scale, shape.window, dq64, dk64, dv64);
      const double tolerance = Tolerance(type);
      ExpectClose(out, out64, tolerance, "out");
      ExpectClose(lse, lse64, 1e-5, "log-sum-exp");
      ExpectClose(dq, dq64, 2 * tolerance, "dq");
      ExpectClose(dk, dk64, 2 * tolerance, "dk");
      ExpectClose(dv, dv64, 2 * tolerance, "dv");
    }
  }
}

TEST_P(Precision, AttentionSeesNothingOfOtherSequences) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const at::ScalarType sums = type == at::kDouble ? at::kDouble : at::kFloat;
    const Sequences sequences = MakeSequences(Borders({37, 70, 1, 65}), at::kCPU);
    const std::int64_t tokens = sequences.host_borders.back();
    for (std::size_t clean = 0; clean < 4; ++clean) {
      at::Tensor q = Random({tokens, 4, 20}, type), k = Random({tokens, 2, 20}, type), v = Random({tokens, 2, 20}, type),
                 dout = Random({tokens, 4, 20}, type);
      at::Tensor out = at::zeros_like(q), lse = at::zeros({4, tokens}, sums), dq = at::zeros_like(q), dk = at::zeros_like(k),
                 dv = at::zeros_like(v);
      const std::int64_t begin = sequences.host_borders[clean], length = sequences.host_borders[clean + 1] - begin;
      const auto run = [&] {
        ops::Attention(q, k, v, sequences, 0.2, 0, out, lse);
        ops::AttentionBackward(dout, q, k, v, out, lse, sequences, 0.2, 0, dq, dk, dv);
        std::vector<at::Tensor> mine;
        for (const at::Tensor& x : {out, dq, dk, dv}) mine.push_back(x.narrow(0, begin, length).clone());
        return mine;
      };
      const auto expected = run();
      for (at::Tensor* x : {&q, &k, &v, &dout}) {
        x->narrow(0, 0, begin).fill_(NAN);
        x->narrow(0, begin + length, tokens - begin - length).fill_(NAN);
      }
      const auto poisoned = run();
      for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(at::equal(expected[i], poisoned[i])) << i;
      EXPECT_TRUE(out.isnan().any().item<bool>());  // the poison was there
    }
  }
}

TEST_P(Precision, DenseInBf16AndF32) {
  for (const at::ScalarType type : kTypes) {
    const at::Tensor x = Strided({150, 72}, type), weight = Random({96, 72}, type), dy = Strided({150, 96}, type),
                     bias = Random({96}, type);
    at::Tensor y = Strided({150, 96}, type), dx = Strided({150, 72}, type), y64 = at::empty({150, 96}, at::kDouble),
               dx64 = at::empty({150, 72}, at::kDouble);
    const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
    ops::Linear(x, weight, bias, y);
    ops::Linear(wide(x), wide(weight), wide(bias), y64);
    ExpectClose(y, y64, Tolerance(type), "y");
    ops::LinearBackwardInput(dy, weight, dx);
    ops::LinearBackwardInput(wide(dy), wide(weight), dx64);
    ExpectClose(dx, dx64, Tolerance(type), "dx");
    for (const at::ScalarType gradient : {at::kFloat, type}) {
      at::Tensor dweight = Random({96, 72}, gradient), dweight64 = wide(dweight), dbias = Random({96}, gradient),
                 dbias64 = wide(dbias);
      ops::LinearBackwardWeight(dy, x, dweight, dbias, 0.5);
      ops::LinearBackwardWeight(wide(dy), wide(x), dweight64, dbias64, 0.5);
      ExpectClose(dweight, dweight64, Tolerance(type), "dweight");
      ExpectClose(dbias, dbias64, Tolerance(gradient), "dbias");
    }
    // The head with its loss.
    const at::Tensor targets = Ids(150, 96), weights = Random({150}, at::kFloat).abs(), h = x * 0.5;
    at::Tensor loss = at::empty({150}, at::kFloat), dh = at::empty({150, 72}, type), dhead = at::zeros({96, 72}, at::kFloat);
    at::Tensor loss64 = at::empty({150}, at::kDouble), dh64 = at::empty({150, 72}, at::kDouble),
               dhead64 = at::zeros({96, 72}, at::kDouble);
    ops::CrossEntropy(h, weight, targets, weights, {64, 1}, loss, dh, dhead);
    ops::CrossEntropy(wide(h), wide(weight), targets, weights, {}, loss64, dh64, dhead64);
    ExpectClose(loss, loss64, Tolerance(type), "loss");
    ExpectClose(dh, dh64, 2 * Tolerance(type), "dh");
    ExpectClose(dhead, dhead64, 2 * Tolerance(type), "dhead");
  }
}

// Products of sizes around the tiles' and panels', any operand transposed or strided, into both types.
TEST_P(Precision, ProductsOfOddShapes) {
  for (const at::ScalarType type : kTypes) {
    for (int i = 0; i < 12; ++i) {
      const std::int64_t tokens = Uniform(1, i % 3 == 0 ? 1300 : 90), in = Uniform(1, 150), out = Uniform(1, 150);
      SCOPED_TRACE(std::to_string(tokens) + " x " + std::to_string(in) + " -> " + std::to_string(out));
      const at::Tensor x = i % 2 == 0 ? Strided({tokens, in}, type) : Random({tokens, in}, type), weight = Random({out, in}, type),
                       dy = i % 4 < 2 ? Strided({tokens, out}, type) : Random({tokens, out}, type);
      const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
      at::Tensor y = Strided({tokens, out}, type), dx = Strided({tokens, in}, type), dweight = Random({out, in}, at::kFloat);
      const at::Tensor y_before = wide(y), dx_before = wide(dx), dweight_before = wide(dweight);
      ops::Linear(x, weight, {}, y, true);
      ops::LinearBackwardInput(dy, weight, dx, true);
      ops::LinearBackwardWeight(dy, x, dweight, {}, -0.25);
      ExpectClose(y, y_before + at::mm(wide(x), wide(weight).t()), Tolerance(type), "y");
      ExpectClose(dx, dx_before + at::mm(wide(dy), wide(weight)), Tolerance(type), "dx");
      ExpectClose(dweight, dweight_before - 0.25 * at::mm(wide(dy).t(), wide(x)), Tolerance(type), "dweight");
    }
  }
}

// Everything that one training step calls, as one list of results.
TEST_P(Precision, SameBitsForAnyNumberOfThreadsAndAgain) {
  const int before = at::get_num_threads();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Sequences sequences = MakeSequences(Borders({300, 1, 129, 82}), at::kCPU);
    const std::int64_t tokens = 512;
    const at::Tensor x = Random({tokens, 192}, type), weight = Random({192}, type), w1 = Random({320, 192}, type),
                     dy = Random({tokens, 320}, type), q = Random({tokens, 6, 32}, type), k = Random({tokens, 2, 32}, type),
                     v = Random({tokens, 2, 32}, type), head = Random({500, 192}, type), weights = Random({tokens}, at::kFloat),
                     targets = Ids(tokens, 500);
    const auto run = [&] {
      std::vector<at::Tensor> results;
      const auto zeros = [&](at::IntArrayRef sizes, at::ScalarType of) { return results.emplace_back(at::zeros(sizes, of)); };
      at::Tensor y = zeros({tokens, 192}, type), inverse = zeros({tokens}, at::kFloat), dx = zeros({tokens, 192}, type),
                 dw = zeros({192}, at::kFloat);
      ops::RmsNorm(x, weight, 1e-5, y, inverse);
      ops::RmsNormBackward(y, x, weight, inverse, dx, dw);
      at::Tensor z = zeros({tokens, 320}, type), dz = zeros({tokens, 192}, type), dw1 = zeros({320, 192}, at::kFloat),
                 db = zeros({320}, at::kFloat);
      ops::Linear(x, w1, {}, z);
      ops::LinearBackwardInput(dy, w1, dz);
      ops::LinearBackwardWeight(dy, x, dw1, db);
      at::Tensor out = zeros({tokens, 6, 32}, type), lse = zeros({6, tokens}, at::kFloat), dq = zeros({tokens, 6, 32}, type),
                 dk = zeros({tokens, 2, 32}, type), dv = zeros({tokens, 2, 32}, type);
      ops::Attention(q, k, v, sequences, 0.2, 0, out, lse);
      ops::AttentionBackward(q, q, k, v, out, lse, sequences, 0.2, 0, dq, dk, dv);
      at::Tensor loss = zeros({tokens}, at::kFloat), dh = zeros({tokens, 192}, type), dhead = zeros({500, 192}, at::kFloat);
      ops::CrossEntropy(x, head, targets, weights, {100, 1}, loss, dh, dhead);
      ops::EmbeddingBackward(targets, x, dhead);
      return results;
    };
    at::set_num_threads(1);
    const auto one = run();
    for (const int threads : {2, 3, 2}) {
      at::set_num_threads(threads);
      const auto many = run();
      for (std::size_t i = 0; i < one.size(); ++i)
        EXPECT_TRUE(at::equal(one[i], many[i])) << "result " << i << ", threads " << threads;
    }
  }
  at::set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Sets, Precision, testing::ValuesIn(KernelNames()), KernelName);

TEST(Sequences, PositionsRestart) {
  const Sequences sequences = MakeSequences({0, 3, 4, 6}, at::kCPU);
  EXPECT_EQ(sequences.longest, 3);
  EXPECT_TRUE(at::equal(sequences.positions, at::tensor({0, 1, 2, 0, 0, 1}, at::kInt)));
  EXPECT_TRUE(at::equal(sequences.borders, at::tensor({0, 3, 4, 6}, at::kInt)));
}

}  // namespace
}  // namespace mathcoder::train
