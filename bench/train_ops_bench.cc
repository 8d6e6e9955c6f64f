// Times the trainer's operations, forward and backward, at the shapes of a model: one JSON line an operation. Seconds are processor
// time of all threads together (a busy machine disturbs it less than the clock does), the least of the repetitions.
//   train_ops_bench [--model 135m|20m] [--type bf16|f32] [--threads N] [--seconds S] [--kernels NAME] [--only SUBSTRING] [--block
//   ROWS]
// train_ops_bench.py runs it beside PyTorch's eager operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "train/ops/cpu/select.h"
#include "train/ops/ops.h"
#include "train/optim/muon.h"
#include "train/optim/optimizer.h"

namespace {

using namespace mathcoder::train;

struct Shape {
  std::int64_t hidden, ff, heads, kv_heads, head_dim, vocabulary;
};

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("times of the trainer's operations");
  std::string model = "135m", type_name = "bf16", kernels, only;
  int threads = 1;
  double budget = 1;
  std::int64_t block = 0;
  app.add_option("--model", model);
  app.add_option("--type", type_name);
  app.add_option("--threads", threads);
  app.add_option("--seconds", budget, "an operation's time");
  app.add_option("--kernels", kernels);
  app.add_option("--only", only);
  app.add_option("--block", block, "rows of logits held at a time; 0: as chosen");
  CLI11_PARSE(app, argc, argv);
  if (!ops::cpu::UseKernels(kernels)) return std::fprintf(stderr, "no kernels %s on this CPU\n", kernels.c_str()), 2;
  at::set_num_threads(threads);
  const Shape s = model == "20m" ? Shape{384, 1024, 6, 6, 64, 8192} : Shape{576, 1536, 9, 3, 64, 49152};
  const at::ScalarType type = type_name == "f32" ? at::kFloat : at::kBFloat16;

  const auto time = [&](const std::string& name, double flops, const std::function<void()>& f) {
    if (name.find(only) == std::string::npos) return;
    f();
    double best = 1e30, spent = 0;
    for (int i = 0; i < 3 || spent < budget; ++i) {
      const double begin = ProcessorSeconds();
      f();
      const double took = ProcessorSeconds() - begin;
      best = std::min(best, took), spent += took;
    }
    std::printf("{\"op\": \"%s\", \"seconds\": %.6g, \"gflops\": %.4g}\n", name.c_str(), best, flops / best * 1e-9);
    std::fflush(stdout);
  };
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes).to(type); };

  const std::int64_t tokens = 2048;
  const Sequences sequences = MakeSequences({0, 300, 640, 900, 1221, 1500, 1790, 2048}, at::kCPU);
  const Sequences one = MakeSequences({0, 2048}, at::kCPU);
  const at::Tensor weight = random({s.hidden}), delta = random({tokens, s.hidden}), dy = random({tokens, s.hidden});
  at::Tensor x = random({tokens, s.hidden}), y = at::empty_like(x), inverse = at::empty({tokens}, at::kFloat),
             dx = at::zeros_like(x), dweight = at::zeros({s.hidden}, at::kFloat);
  time("norm forward", 0, [&] { ops::AddRmsNorm(x, delta, weight, 1e-5, y, inverse); });
  x = random({tokens, s.hidden});
  time("norm backward", 0, [&] { ops::RmsNormBackward(dy, x, weight, inverse, dx, dweight); });
  at::Tensor gate_up = random({tokens, 2 * s.ff}), out = at::empty({tokens, s.ff}, type);
  const at::Tensor dout = random({tokens, s.ff});
  time("swiglu forward", 0, [&] { ops::SwiGlu(gate_up, out); });
  at::Tensor gate_up_gradient = gate_up.clone();
  time("swiglu backward", 0, [&] { ops::SwiGluBackward(dout, gate_up_gradient, {}); });
  at::Tensor q = random({tokens, s.heads, s.head_dim}), k = random({tokens, s.kv_heads, s.head_dim}),
             v = random({tokens, s.kv_heads, s.head_dim});
  const at::Tensor angles = at::randn({tokens, s.head_dim / 2});
  const ops::RopeTable table{angles.cos(), angles.sin()};
  time("rope forward", 0, [&] { ops::Rope(q, sequences.positions, table), ops::Rope(k, sequences.positions, table); });
  q = random({tokens, s.heads, s.head_dim}), k = random({tokens, s.kv_heads, s.head_dim});
  time("rope backward", 0,
       [&] { ops::RopeBackward(q, sequences.positions, table), ops::RopeBackward(k, sequences.positions, table); });
  q = random({tokens, s.heads, s.head_dim}), k = random({tokens, s.kv_heads, s.head_dim});
  const at::Tensor d_attended = random({tokens, s.heads, s.head_dim});
  at::Tensor attended = at::empty_like(q), lse = at::empty({s.heads, tokens}, at::kFloat), dq = at::empty_like(q),
             dk = at::empty_like(k), dv = at::empty_like(v);
  const double scale = 1 / std::sqrt(static_cast<double>(s.head_dim));
  for (const Sequences* packed : {&sequences, &one}) {
    const std::string name = packed == &one ? "attention 1x2048" : "attention 7x~300";
    double pairs = 0;
    for (std::size_t i = 0; i + 1 < packed->host_borders.size(); ++i) {
      pairs += std::pow(packed->host_borders[i + 1] - packed->host_borders[i], 2) / 2;
    }
    const double product = 2 * pairs * static_cast<double>(s.heads * s.head_dim);
    time(name + " forward", 2 * product, [&] { ops::Attention(q, k, v, *packed, scale, 0, attended, lse); });
    time(name + " backward", 5 * product,
         [&] { ops::AttentionBackward(d_attended, q, k, v, attended, lse, *packed, scale, 0, dq, dk, dv); });
  }
  for (const auto& [name, in, width] : std::vector<std::tuple<std::string, std::int64_t, std::int64_t>>{
           {"qkv", s.hidden, (s.heads + 2 * s.kv_heads) * s.head_dim}, {"gate_up", s.hidden, 2 * s.ff}, {"down", s.ff, s.hidden}}) {
    const at::Tensor from = random({tokens, in}), w = random({width, in}), d = random({tokens, width});
    at::Tensor to = at::empty({tokens, width}, type), df = at::empty({tokens, in}, type), dw = at::zeros({width, in}, at::kFloat);
    const double flops = 2.0 * static_cast<double>(tokens * in * width);
    time("linear " + name + " forward", flops, [&, &from = from] { ops::Linear(from, w, {}, to); });
    time("linear " + name + " input", flops, [&] { ops::LinearBackwardInput(d, w, df); });
    time("linear " + name + " weight", flops, [&, &from = from] { ops::LinearBackwardWeight(d, from, dw); });
  }
  {
    const at::Tensor head = random({s.vocabulary, s.hidden}), targets = at::randint(s.vocabulary, {tokens}, at::kInt),
                     weights = at::ones({tokens}), h = random({tokens, s.hidden}) * 0.05;
    at::Tensor loss = at::empty({tokens}, at::kFloat), dh = at::empty({tokens, s.hidden}, type),
               dhead = at::zeros({s.vocabulary, s.hidden});
    const double flops = 6.0 * static_cast<double>(tokens * s.hidden * s.vocabulary);
    time("cross-entropy both", flops, [&] { ops::CrossEntropy(h, head, targets, weights, {block, 1}, loss, dh, dhead); });
    time("embedding both", 0, [&] {
      ops::Embedding(targets, head, dh);
      ops::EmbeddingBackward(targets, dh, dhead);
    });
  }
  const std::int64_t size = 8 << 20;
  for (const auto& [name, moments] : std::vector<std::pair<std::string, MomentType>>{
           {"f32", MomentType::kF32}, {"bf16", MomentType::kBf16}, {"int8", MomentType::kInt8}}) {
    AdamWSlice slice;
    slice.weights = at::randn({size}).to(type);
    if (type == at::kBFloat16) slice.remainder = at::zeros({size}, at::kShort);
    slice.gradient = at::randn({size});
    const at::ScalarType of = moments == MomentType::kF32 ? at::kFloat : moments == MomentType::kBf16 ? at::kBFloat16 : at::kByte;
    slice.first = at::zeros({size}, of), slice.second = at::zeros({size}, of);
    if (of == at::kByte) slice.first_scale = at::zeros({size / 256}), slice.second_scale = at::zeros({size / 256});
    AdamWOptions options;
    options.moments = moments;
    time("adamw " + name + " moments, 8M", 0, [&] { AdamWStep(slice, options, 1e-3, 1, 1); });
  }
  at::Tensor momentum = at::zeros({2 * s.ff, s.hidden});
  const at::Tensor gradient = at::randn({2 * s.ff, s.hidden});
  time("muon gate_up", 0, [&] { MuonUpdate(gradient, momentum, {}, 1); });
}
