// The optimizers' passes on CUDA against the CPU's.
#include "train/optim/cuda/cuda_optim.h"

#include <cmath>
#include <cstring>

#include "train/ops/cuda/cuda_test_util.h"

namespace mathcoder::train {
namespace {

using optim_cpu::Bf16;
using CudaOptimTest = CudaTest;

template <class T>
T* Data(const at::Tensor& x, at::ScalarType type) {
  return x.defined() && x.scalar_type() == type ? static_cast<T*>(x.data_ptr()) : nullptr;
}

struct State {
  at::Tensor weights, remainder, gradient, first, second, first_scale, second_scale;

  std::vector<at::Tensor*> All() { return {&weights, &remainder, &gradient, &first, &second, &first_scale, &second_scale}; }
  optim_cpu::AdamWArgs Args() const {
    optim_cpu::AdamWArgs args{};
    args.weights_f32 = Data<float>(weights, at::kFloat), args.weights_bf16 = Data<Bf16>(weights, at::kBFloat16);
    args.remainder = Data<std::int16_t>(remainder, at::kShort);
    args.gradient_f32 = Data<float>(gradient, at::kFloat), args.gradient_bf16 = Data<Bf16>(gradient, at::kBFloat16);
    args.first_f32 = Data<float>(first, at::kFloat), args.second_f32 = Data<float>(second, at::kFloat);
    args.first_bf16 = Data<Bf16>(first, at::kBFloat16), args.second_bf16 = Data<Bf16>(second, at::kBFloat16);
    args.first_code = Data<std::uint8_t>(first, at::kByte), args.second_code = Data<std::uint8_t>(second, at::kByte);
    args.first_scale = Data<float>(first_scale, at::kFloat), args.second_scale = Data<float>(second_scale, at::kFloat);
    args.index = (std::int64_t{1} << 32) - 512;  // the index passes 32 bits on the way
    args.beta1 = 0.9f, args.beta2 = 0.99f, args.one_minus_beta1 = 0.1f, args.one_minus_beta2 = 0.01f;
    args.epsilon = 1e-8f, args.keep = 0.999f, args.step_size = 0.01f, args.second_correction = 1.5f, args.gradient_scale = 0.7f;
    args.hash_seed = 0x0123456789abcdefu;
    return args;
  }
};

// The same elements but a few, where another order of operations tipped a rounding; those next to what they should be. (Of 8-bit
// codes 255 and 0 are neighbours: a block's largest is on that border, and where it falls to the other side, the next step's codes
// of its block move.)
void ExpectNearlySame(const at::Tensor& x, const at::Tensor& y, int apart, const std::string& what) {
  at::Tensor difference = (x.to(at::kInt) - y.to(at::kInt)).abs();
  if (x.scalar_type() == at::kByte) difference = at::minimum(difference, 256 - difference);
  EXPECT_LE(difference.max().item<int>(), apart) << what;
  const double share = x.numel() == 1 ? 1 : x.scalar_type() == at::kByte ? 0.1 : 0.01;
  EXPECT_LE(difference.ne(0).to(at::kDouble).mean().item<double>(), share) << what;
}

TEST_F(CudaOptimTest, AdamW) {
  for (const std::int64_t size : {std::int64_t{1}, std::int64_t{700}, std::int64_t{5000}}) {
    for (const auto weight_type : {at::kFloat, at::kBFloat16}) {
      for (const auto gradient_type : {at::kFloat, at::kBFloat16}) {
        for (const auto moment_type : {at::kFloat, at::kBFloat16, at::kByte}) {
          const std::string name = std::string(at::toString(weight_type)) + " " + at::toString(gradient_type) + " " +
                                   at::toString(moment_type) + " " + std::to_string(size);
          State state;
          state.weights = Random({size}, weight_type);
          if (weight_type == at::kBFloat16) state.remainder = at::randint(-32768, 32768, {size}, at::kShort);
          const std::int64_t blocks = (size + optim_cpu::kMomentBlock - 1) / optim_cpu::kMomentBlock;
          state.first = moment_type == at::kByte ? at::full({size}, 128, at::kByte) : at::zeros({size}, moment_type);
          state.second = at::zeros({size}, moment_type);
          if (moment_type == at::kByte)
            state.first_scale = at::zeros({blocks}, at::kFloat), state.second_scale = at::zeros({blocks}, at::kFloat);
          State expected = state;
          for (at::Tensor* x : expected.All()) *x = Copy(*x);
          std::vector<at::Tensor> gradients;
          for (int step = 0; step < 3; ++step) {
            gradients.push_back(Random({size}, gradient_type) * 0.1);
            if (size > 600) gradients.back().narrow(0, 256, 256).zero_();  // a block of zeros
            expected.gradient = gradients.back();
            optim_cpu::ActiveKernels().adamw(expected.Args(), 0, size);
          }
          const auto got = Twice([&] {
            State device = state;
            for (at::Tensor* x : device.All()) *x = Place(*x);
            for (const at::Tensor& gradient : gradients) {
              device.gradient = Place(gradient);
              optim_cuda::AdamW(device.Args(), device.weights);
            }
            std::vector<at::Tensor> all = {device.weights, device.first, device.second};
            if (device.remainder.defined()) all.push_back(device.remainder);
            return all;
          });
          if (weight_type == at::kBFloat16) {
            const auto master = [](const at::Tensor& weights, const at::Tensor& remainder) {
              at::Tensor joined = at::empty(weights.sizes(), at::kFloat);
              optim_cpu::ActiveKernels().join(Data<Bf16>(weights, at::kBFloat16), Data<std::int16_t>(remainder, at::kShort),
                                              Data<float>(joined, at::kFloat), weights.numel());
              return joined;
            };
            ExpectClose(master(got[0], got[3]), master(expected.weights, expected.remainder), name,
                        moment_type == at::kFloat ? 1e-6 : 1e-3);
          } else {
            ExpectClose(got[0], expected.weights, name, moment_type == at::kFloat ? 1e-6 : 1e-3);
          }
          if (moment_type == at::kFloat) {
            ExpectClose(got[1], expected.first, name, 1e-6);
            ExpectClose(got[2], expected.second, name, 1e-6);
          } else if (moment_type == at::kBFloat16) {
            ExpectNearlySame(got[1].view(at::kShort), expected.first.view(at::kShort), 2, "first " + name);
            ExpectNearlySame(got[2].view(at::kShort), expected.second.view(at::kShort), 2, "second " + name);
          } else {
            ExpectNearlySame(got[1], expected.first, 1, "first " + name);
            ExpectNearlySame(got[2], expected.second, 1, "second " + name);
          }
        }
      }
    }
  }
}

TEST_F(CudaOptimTest, UpdatesAndMomentum) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const std::int64_t size = 1000;
    const at::Tensor weights = Random({size}, type), update = Random({size}, at::kFloat), gradient = Random({size}, type);
    const at::Tensor momentum = Random({size}, at::kFloat);
    const at::Tensor remainder = type == at::kBFloat16 ? at::randint(-32768, 32768, {size}, at::kShort) : at::Tensor();
    at::Tensor w = Copy(weights), r = Copy(remainder), m = Copy(momentum), out = at::empty_like(momentum);
    const auto& cpu = optim_cpu::ActiveKernels();
    cpu.apply(Data<float>(w, at::kFloat), Data<Bf16>(w, at::kBFloat16), Data<std::int16_t>(r, at::kShort),
              Data<float>(update, at::kFloat), 0.9f, 0.1f, size);
    cpu.nesterov(Data<float>(gradient, at::kFloat), Data<Bf16>(gradient, at::kBFloat16), Data<float>(m, at::kFloat),
                 Data<float>(out, at::kFloat), 0.95f, 0.5f, size);
    const auto got = Twice([&] {
      at::Tensor device_w = Place(weights), device_r = Place(remainder), device_m = Place(momentum),
                 device_out = Place(at::zeros_like(out));
      optim_cuda::Apply(device_w, device_r, Place(update), 0.9f, 0.1f);
      optim_cuda::Nesterov(Place(gradient), device_m, device_out, 0.95f, 0.5f);
      return std::vector<at::Tensor>{device_w, device_m, device_out};
    });
    ExpectClose(got[0], w, "weights", type == at::kFloat ? 1e-6 : 1e-2);
    ExpectClose(got[1], m, "momentum", 1e-6);
    ExpectClose(got[2], out, "direction", 1e-6);
  }
}

TEST_F(CudaOptimTest, MastersComeBackToTheBit) {
  // Random bits, and the ends: infinities, zeros, ties.
  at::Tensor bits =
      at::randint(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(), {100000}, at::kInt);
  const std::vector<std::uint32_t> ends = {0,           0x80000000u, 0x7f800000u, 0xff800000u, 0x3f808000u,
                                           0x3f818000u, 0xbf808000u, 0x7f7fffffu, 1,           0x8000u};
  std::memcpy(bits.data_ptr(), ends.data(), ends.size() * 4);
  const at::Tensor master = bits.view(at::kFloat);
  at::Tensor weights = at::empty(master.sizes(), at::kBFloat16), remainder = at::empty(master.sizes(), at::kShort);
  optim_cpu::ActiveKernels().split(Data<float>(master, at::kFloat), Data<Bf16>(weights, at::kBFloat16),
                                   Data<std::int16_t>(remainder, at::kShort), master.numel());
  const auto got = Twice([&] {
    at::Tensor device_weights = Place(weights).zero_(), device_remainder = Place(remainder).zero_(), joined = Place(master).zero_();
    optim_cuda::Split(Place(master), device_weights, device_remainder);
    optim_cuda::Join(device_weights, device_remainder, joined);
    return std::vector<at::Tensor>{device_weights.view(at::kShort), device_remainder, joined.view(at::kInt)};
  });
  EXPECT_TRUE(at::equal(got[0], weights.view(at::kShort)));
  EXPECT_TRUE(at::equal(got[1], remainder));
  EXPECT_TRUE(got[2].eq(bits).logical_or(master.isnan()).all().item<bool>());
}

TEST_F(CudaOptimTest, SumsOfSquares) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t size : {1, 7, 16384, 40003}) {
      const at::Tensor x = Random({size + 1}, type);
      for (const std::int64_t begin : {0, 1}) {  // the second is at no whole 16 bytes
        const at::Tensor slice = x.narrow(0, begin, size);
        double first = 0;
        Twice([&] {
          first = optim_cuda::SumOfSquares(Place(x).narrow(0, begin, size));
          return std::vector<at::Tensor>{at::full({1}, first, at::kDouble)};
        });
        EXPECT_NEAR(first, slice.to(at::kDouble).square().sum().item<double>(), 1e-12 * first);
        EXPECT_EQ(first, optim_cuda::SumOfSquares(Place(slice.clone()))) << "depends on where the slice lies";
      }
    }
  }
}

}  // namespace
}  // namespace mathcoder::train
