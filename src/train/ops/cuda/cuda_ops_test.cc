// Every operation on CUDA against the CPU's, which finite differences have checked.
#include "train/ops/cuda/cuda_ops.h"

#include "train/ops/cpu/cpu_ops.h"
#include "train/ops/cuda/cuda_test_util.h"

namespace mathcoder::train {
namespace {

struct RowShape {
  std::int64_t rows, width, more;  // more: elements between rows
};
const std::vector<RowShape> kShapes = {{1, 8, 0}, {5, 64, 0}, {19, 72, 8}, {9, 70, 3}, {3, 33, 0}, {2, 1100, 0}, {10, 5, 1}};

std::string Name(const char* what, at::ScalarType type, const RowShape& shape) {
  return std::string(what) + " " + at::toString(type) + " " + std::to_string(shape.rows) + " x " + std::to_string(shape.width) +
         " + " + std::to_string(shape.more);
}

using CudaOpsTest = CudaTest;

TEST_F(CudaOpsTest, Norms) {
  for (const at::ScalarType type : kTypes) {
    for (const RowShape& shape : kShapes) {
      const at::Tensor x = Strided({shape.rows, shape.width}, type, shape.more),
                       delta = Strided({shape.rows, shape.width}, type, shape.more);
      const at::Tensor weight = Random({shape.width}, type);
      for (const bool add : {false, true}) {
        at::Tensor h = Copy(x), y = at::empty_like(h), inverse = at::empty({shape.rows}, SumType(type));
        ops::cpu::RmsNorm(h, add ? delta : at::Tensor(), weight, 1e-5, false, y, inverse);
        const auto got = Twice([&] {
          at::Tensor device_h = Place(x), device_y = Place(y), device_inverse = Place(inverse);
          device_y.zero_(), device_inverse.zero_();
          ops::cuda::RmsNorm(device_h, add ? Place(delta) : at::Tensor(), Place(weight), 1e-5, false, device_y, device_inverse);
          at::Tensor again = Place(y);
          again.zero_();
          ops::cuda::RmsNorm(device_h, {}, Place(weight), 0, true, again, device_inverse);
          return std::vector<at::Tensor>{device_h, device_y, device_inverse, again};
        });
        EXPECT_TRUE(at::equal(got[0], h)) << Name("the residual stream", type, shape);
        ExpectClose(got[1], y, Name("y", type, shape));
        ExpectClose(got[2], inverse, Name("inverse_rms", type, shape));
        EXPECT_TRUE(at::equal(got[3], got[1])) << Name("y again", type, shape);
      }
    }
  }
}

TEST_F(CudaOpsTest, NormsBackward) {
  for (const at::ScalarType type : kTypes) {
    for (const RowShape& shape : kShapes) {
      const at::Tensor x = Strided({shape.rows, shape.width}, type, shape.more),
                       dy = Strided({shape.rows, shape.width}, type, shape.more);
      const at::Tensor dx_before = Random({shape.rows, shape.width}, type), weight = Random({shape.width}, type);
      at::Tensor inverse = at::empty({shape.rows}, SumType(type));
      ops::cpu::RmsNorm(x, {}, weight, 1e-5, false, at::empty_like(dy), inverse);
      for (const auto gradient : {type, SumType(type)}) {
        const at::Tensor before = Random({shape.width}, gradient);
        at::Tensor dx = Copy(dx_before), dweight = Copy(before);
        ops::cpu::RmsNormBackward(dy, x, weight, inverse, dx, dweight);
        const auto got = Twice([&] {
          at::Tensor device_dx = Place(dx_before), device_dweight = Place(before), alone = Place(dx_before);
          ops::cuda::RmsNormBackward(Place(dy), Place(x), Place(weight), Place(inverse), device_dx, device_dweight);
          ops::cuda::RmsNormBackward(Place(dy), Place(x), Place(weight), Place(inverse), alone, {});
          return std::vector<at::Tensor>{device_dx, device_dweight, alone};
        });
        ExpectClose(got[0], dx, Name("dx", type, shape));
        ExpectClose(got[1], dweight, Name("dweight", type, shape));
        EXPECT_TRUE(at::equal(got[2], got[0])) << Name("dx without dweight", type, shape);
      }
    }
  }
}

TEST_F(CudaOpsTest, NormsBackwardOfRowsThatSharedMemoryDoesNotHold) {
  const RowShape shape{3, 13000, 0};
  const at::Tensor x = Random({shape.rows, shape.width}, at::kFloat), dy = Random({shape.rows, shape.width}, at::kFloat);
  const at::Tensor weight = Random({shape.width}, at::kFloat), inverse = Random({shape.rows}, at::kFloat);
  at::Tensor dx = at::zeros_like(x), dweight = at::zeros_like(weight);
  ops::cpu::RmsNormBackward(dy, x, weight, inverse, dx, dweight);
  const auto got = Twice([&] {
    at::Tensor device_dx = Place(at::zeros_like(x)), device_dweight = Place(at::zeros_like(weight));
    ops::cuda::RmsNormBackward(Place(dy), Place(x), Place(weight), Place(inverse), device_dx, device_dweight);
    return std::vector<at::Tensor>{device_dx, device_dweight};
  });
  ExpectClose(got[0], dx, "dx");
  ExpectClose(got[1], dweight, "dweight");
}

TEST_F(CudaOpsTest, Rotations) {
  for (const at::ScalarType type : kTypes) {
    for (const auto& [heads, head_dim, more] :
         std::vector<std::array<std::int64_t, 3>>{{3, 64, 0}, {2, 16, 16}, {5, 6, 1}, {40, 80, 8}}) {
      const std::int64_t tokens = 7;
      const at::Tensor all = Strided({tokens, heads * head_dim}, type, more);
      const at::Tensor positions = Integers(tokens, 50);
      const ops::RopeTable table{Random({50, head_dim / 2}, SumType(type)), Random({50, head_dim / 2}, SumType(type))};
      for (const bool back : {false, true}) {
        at::Tensor expected = Copy(all);
        ops::cpu::Rope(expected.view({tokens, heads, head_dim}), positions, table, back);
        const auto got = Twice([&] {
          at::Tensor device = Place(all);
          ops::cuda::Rope(device.view({tokens, heads, head_dim}), Place(positions), {Place(table.cos), Place(table.sin)}, back);
          return std::vector<at::Tensor>{device};
        });
        ExpectClose(got[0], expected, Name("rotated", type, {heads, head_dim, more}));
      }
    }
  }
}

TEST_F(CudaOpsTest, SwiGlu) {
  for (const at::ScalarType type : kTypes) {
    for (const RowShape& shape : kShapes) {
      const at::Tensor gate_up = Strided({shape.rows, 2 * shape.width}, type, shape.more) * 3,
                       dout = Random({shape.rows, shape.width}, type);
      at::Tensor out = at::empty_like(dout), gradient = Copy(gate_up), again = at::empty_like(dout);
      ops::cpu::SwiGlu(gate_up, out);
      ops::cpu::SwiGluBackward(dout, gradient, again);
      const auto got = Twice([&] {
        at::Tensor device_out = Place(at::zeros_like(dout)), device_gradient = Place(gate_up),
                   device_again = Place(at::zeros_like(dout));
        ops::cuda::SwiGlu(device_gradient, device_out);
        at::Tensor alone = Place(gate_up);
        ops::cuda::SwiGluBackward(Place(dout), device_gradient, device_again);
        ops::cuda::SwiGluBackward(Place(dout), alone, {});
        return std::vector<at::Tensor>{device_out, device_gradient, device_again, alone};
      });
      ExpectClose(got[0], out, Name("out", type, shape));
      ExpectClose(got[1], gradient, Name("gradient", type, shape));
      EXPECT_TRUE(at::equal(got[2], got[0])) << Name("out again", type, shape);
      EXPECT_TRUE(at::equal(got[3], got[1])) << Name("gradient alone", type, shape);
    }
  }
}

TEST_F(CudaOpsTest, Embedding) {
  for (const at::ScalarType type : kTypes) {
    for (const RowShape& shape : kShapes) {
      const std::int64_t vocabulary = 6, tokens = shape.rows * 5;
      const at::Tensor ids = Integers(tokens, vocabulary), weight = Random({vocabulary, shape.width}, type);
      const at::Tensor dout = Strided({tokens, shape.width}, type, shape.more);
      at::Tensor out = at::empty({tokens, shape.width}, type);
      ops::cpu::Embedding(ids, weight, out);
      for (const auto gradient : {type, SumType(type)}) {
        const at::Tensor before = Random({vocabulary, shape.width}, gradient);
        at::Tensor dweight = Copy(before);
        ops::cpu::EmbeddingBackward(ids, dout, dweight);
        const auto got = Twice([&] {
          at::Tensor device_out = Place(at::zeros_like(out)), device_dweight = Place(before);
          ops::cuda::Embedding(Place(ids), Place(weight), device_out);
          ops::cuda::EmbeddingBackward(Place(ids), Place(dout), device_dweight);
          return std::vector<at::Tensor>{device_out, device_dweight};
        });
        EXPECT_TRUE(at::equal(got[0], out)) << Name("out", type, shape);
        // In the order of tokens, as on the CPU: the same bits, but where the CPU rounds to bf16 after every token.
        if (gradient == at::kBFloat16) {
          ExpectClose(got[1], dweight, Name("dweight", type, shape), 0.05);
        } else {
          EXPECT_TRUE(at::equal(got[1], dweight)) << Name("dweight", type, shape);
        }
      }
    }
  }
}

TEST_F(CudaOpsTest, Linear) {
  for (const at::ScalarType type : kTypes) {
    for (const RowShape& shape : kShapes) {
      const std::int64_t out = 24;
      const at::Tensor x = Random({shape.rows, shape.width}, type), weight = Random({out, shape.width}, type),
                       bias = Random({out}, type);
      const at::Tensor y_before = Strided({shape.rows, out}, type, shape.more), dy = Strided({shape.rows, out}, type, shape.more);
      const auto gradient = SumType(type);
      const at::Tensor dweight_before = Random({out, shape.width}, gradient), dbias_before = Random({out}, gradient);
      for (const bool add : {false, true}) {
        at::Tensor y = Copy(y_before), dx = Copy(x), dweight = Copy(dweight_before), dbias = Copy(dbias_before),
                   same = weight.clone();
        ops::cpu::Linear(x, weight, bias, y, add);
        ops::cpu::LinearBackwardInput(dy, weight, dx, add);
        ops::cpu::LinearBackwardWeight(dy, x, dweight, dbias, 0.5);
        ops::cpu::LinearBackwardWeight(dy, x, same, {}, 2);
        const auto got = Twice([&] {
          at::Tensor device_y = Place(y_before), device_dx = Place(x), device_dweight = Place(dweight_before),
                     device_dbias = Place(dbias_before);
          at::Tensor device_same = Place(weight);
          ops::cuda::Linear(Place(x), Place(weight), Place(bias), device_y, add);
          ops::cuda::LinearBackwardInput(Place(dy), Place(weight), device_dx, add);
          ops::cuda::LinearBackwardWeight(Place(dy), Place(x), device_dweight, device_dbias, 0.5);
          ops::cuda::LinearBackwardWeight(Place(dy), Place(x), device_same, {}, 2);
          return std::vector<at::Tensor>{device_y, device_dx, device_dweight, device_dbias, device_same};
        });
        ExpectClose(got[0], y, Name("y", type, shape));
        ExpectClose(got[1], dx, Name("dx", type, shape));
        // The CPU may round a product to bf16 before it adds it to f32.
        ExpectClose(got[2], dweight, Name("dweight", type, shape), Tolerance(type));
        ExpectClose(got[3], dbias, Name("dbias", type, shape));
        ExpectClose(got[4], same, Name("dweight of the same type", type, shape));
      }
    }
  }
}

TEST_F(CudaOpsTest, CrossEntropy) {
  for (const at::ScalarType type : kTypes) {
    for (const auto& [rows, vocabulary, block] :
         std::vector<std::array<std::int64_t, 3>>{{1, 3, 0}, {7, 64, 3}, {5, 2501, 0}, {6, 777, 4}}) {
      const std::int64_t hidden = 16;
      const at::Tensor h = Random({rows, hidden}, type), weight = Random({vocabulary, hidden}, type);
      const at::Tensor targets = Integers(rows, vocabulary), weights = Random({rows}, at::kFloat).abs();
      ops::CrossEntropyOptions options;
      options.block_rows = block;
      options.gradient_scale = 0.25;
      at::Tensor loss = at::empty({rows}, SumType(type)), dh = at::empty_like(h),
                 dweight = at::zeros({vocabulary, hidden}, SumType(type));
      ops::cpu::CrossEntropy(h, weight, targets, weights, options, loss, dh, dweight);
      const auto got = Twice([&] {
        at::Tensor device_loss = Place(at::zeros_like(loss)), device_dh = Place(at::zeros_like(h)),
                   device_dweight = Place(at::zeros_like(dweight));
        at::Tensor alone = Place(at::zeros_like(loss));
        ops::cuda::CrossEntropy(Place(h), Place(weight), Place(targets), Place(weights), options, device_loss, device_dh,
                                device_dweight);
        ops::cuda::CrossEntropy(Place(h), Place(weight), Place(targets), Place(weights), options, alone, {}, {});
        return std::vector<at::Tensor>{device_loss, device_dh, device_dweight, alone};
      });
      const RowShape shape{rows, vocabulary, block};
      ExpectClose(got[0], loss, Name("loss", type, shape));
      ExpectClose(got[1], dh, Name("dh", type, shape));
      ExpectClose(got[2], dweight, Name("dweight", type, shape), Tolerance(type));
      EXPECT_TRUE(at::equal(got[3], got[0])) << Name("loss alone", type, shape);
    }
  }
}

struct AttentionCase {
  std::vector<std::int32_t> lengths;
  std::int64_t heads, kv_heads, head_dim, window;
};

TEST_F(CudaOpsTest, Attention) {
  const std::vector<AttentionCase> cases = {
      {{1}, 1, 1, 8, 0},      {{1, 1, 1}, 4, 2, 16, 0}, {{3, 40, 1}, 4, 2, 16, 0}, {{33, 64}, 6, 1, 32, 0},
      {{5, 70}, 2, 1, 12, 9}, {{45}, 5, 5, 7, 1},       {{20, 37}, 2, 2, 40, 33},
  };
  for (const at::ScalarType type : kTypes) {
    for (const AttentionCase& c : cases) {
      std::vector<std::int32_t> borders = {0};
      for (const std::int32_t length : c.lengths) borders.push_back(borders.back() + length);
      const Sequences sequences = MakeSequences(borders, at::kCPU);
      const std::int64_t tokens = borders.back(), all = c.heads + 2 * c.kv_heads;
      const double scale = 0.3;
      const at::Tensor qkv = Random({tokens, all, c.head_dim}, type), dout = Random({tokens, c.heads, c.head_dim}, type);
      const auto part = [&](const at::Tensor& x, int which) {
        const std::int64_t begin = which == 0 ? 0 : c.heads + (which - 1) * c.kv_heads;
        return x.narrow(1, begin, which == 0 ? c.heads : c.kv_heads);
      };
      at::Tensor out = at::zeros_like(dout), log_sum = at::zeros({c.heads, tokens}, SumType(type)), gradient = at::zeros_like(qkv);
      ops::cpu::Attention(part(qkv, 0), part(qkv, 1), part(qkv, 2), sequences, scale, c.window, out, log_sum);
      ops::cpu::AttentionBackward(dout, part(qkv, 0), part(qkv, 1), part(qkv, 2), out, log_sum, sequences, scale, c.window,
                                  part(gradient, 0), part(gradient, 1), part(gradient, 2));
      const auto got = Twice([&] {
        const at::Tensor device = Place(qkv);
        Sequences on_device = sequences;
        on_device.borders = Place(sequences.borders), on_device.positions = Place(sequences.positions);
        at::Tensor device_out = Place(at::zeros_like(out)), device_log = Place(at::zeros_like(log_sum)),
                   device_gradient = Place(at::zeros_like(qkv));
        ops::cuda::Attention(part(device, 0), part(device, 1), part(device, 2), on_device, scale, c.window, device_out, device_log);
        ops::cuda::AttentionBackward(Place(dout), part(device, 0), part(device, 1), part(device, 2), device_out, device_log,
                                     on_device, scale, c.window, part(device_gradient, 0), part(device_gradient, 1),
                                     part(device_gradient, 2));
        return std::vector<at::Tensor>{device_out, device_log, device_gradient};
      });
      const std::string name = std::string(at::toString(type)) + " " + std::to_string(c.lengths.size()) + " sequences, head " +
                               std::to_string(c.head_dim) + ", window " + std::to_string(c.window);
      ExpectClose(got[0], out, "out " + name);
      ExpectClose(got[1], log_sum, "log_sum_exp " + name, type == at::kDouble ? 1e-12 : 1e-5);
      ExpectClose(got[2], gradient, "gradient " + name, type == at::kBFloat16 ? 2e-2 : 0);
    }
  }
}

}  // namespace
}  // namespace mathcoder::train
