#include "train/run/parts/schedule.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace mathcoder::train {
namespace {

// Transformers' get_*_schedule functions on an optimizer with learning rate 2: 100 steps, 10 of warm-up, WSD with 70 stable ones.
constexpr std::int64_t kSteps[] = {0, 1, 5, 9, 10, 11, 40, 55, 79, 80, 81, 90, 99, 100};

TEST(Schedule, TransformersFormulas) {
  using Shape = ScheduleOptions::Shape;
  using Decay = ScheduleOptions::Decay;
  const struct {
    Shape shape;
    Decay decay;
    double minimum_ratio;
    std::array<double, std::size(kSteps)> rates;
  } cases[] = {
      {Shape::kConstant, Decay::kLinear, 0, {0, 0.2, 1, 1.8, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}},
      {Shape::kLinear,
       Decay::kLinear,
       0,
       {0, 0.2, 1, 1.8, 2, 1.9777777777777779, 1.3333333333333333, 1, 0.46666666666666667, 0.44444444444444442, 0.42222222222222222,
        0.22222222222222221, 0.022222222222222223, 0}},
      {Shape::kCosine,
       Decay::kLinear,
       0,
       {0, 0.2, 1, 1.8, 2, 1.9993908270190959, 1.5, 1, 0.25685517452260564, 0.2339555568810221, 0.2119892463932781,
        0.060307379214091683, 0.00060917298090423788, 0}},
      {Shape::kCosine,
       Decay::kLinear,
       0.1,
       {0, 0.2, 1, 1.8, 2, 1.9994517443171862, 1.55, 1.1, 0.4311696570703451, 0.41056000119291991, 0.39079032175395034,
        0.25427664129268251, 0.20054825568281381, 0.2}},
      {Shape::kWsd, Decay::kLinear, 0, {0, 0.2, 1, 1.8, 2, 2, 2, 2, 2, 2, 1.9, 1, 0.1, 0}},
      {Shape::kWsd, Decay::kLinear, 0.1, {0.2, 0.38, 1.1, 1.82, 2, 2, 2, 2, 2, 2, 1.91, 1.1, 0.29, 0.2}},
      {Shape::kWsd, Decay::kCosine, 0, {0, 0.2, 1, 1.8, 2, 2, 2, 2, 2, 2, 1.9876883405951378, 1, 0.012311659404862341, 0}},
      {Shape::kWsd,
       Decay::kCosine,
       0.1,
       {0.2, 0.38, 1.1, 1.82, 2, 2, 2, 2, 2, 2, 1.988919506535624, 1.1, 0.21108049346437613, 0.2}},
      {Shape::kWsd,
       Decay::kOneMinusSqrt,
       0,
       {0, 0.2, 1, 1.8, 2, 2, 2, 2, 2, 2, 1.5527864045000421, 0.58578643762690485, 0.050641131038207332, 0}},
      {Shape::kWsd,
       Decay::kOneMinusSqrt,
       0.1,
       {0.2, 0.38, 1.1, 1.82, 2, 2, 2, 2, 2, 2, 1.5975077640500379, 0.7272077938642143, 0.2455770179343866, 0.2}},
  };
  for (const auto& test : cases) {
    ScheduleOptions options;
    options.shape = test.shape;
    options.decay = test.decay;
    options.peak = 2;
    options.steps = 100;
    options.minimum_ratio = test.minimum_ratio;
    options.decay_share = 0.2;
    for (const bool ratio : {false, true}) {
      options.warmup_steps = ratio ? 0 : 10;
      options.warmup_ratio = ratio ? 0.1 : 0;
      for (std::size_t i = 0; i < std::size(kSteps); ++i) {
        EXPECT_NEAR(LearningRate(options, kSteps[i]), test.rates[i], 1e-12)
            << "shape " << static_cast<int>(test.shape) << " decay " << static_cast<int>(test.decay) << " step " << kSteps[i];
      }
      EXPECT_NEAR(LearningRate(options, 250), test.rates.back(), 1e-12);
    }
  }
}

TEST(Schedule, OddRuns) {
  ScheduleOptions options;
  options.peak = 1;
  options.steps = 5;
  options.warmup_steps = 10;  // longer than the run
  EXPECT_DOUBLE_EQ(LearningRate(options, 4), 0.4);
  EXPECT_DOUBLE_EQ(LearningRate(options, 10), 1);
  options.warmup_steps = 0;
  EXPECT_DOUBLE_EQ(LearningRate(options, 0), 1);
  options.shape = ScheduleOptions::Shape::kWsd;
  options.decay_share = 0;
  EXPECT_DOUBLE_EQ(LearningRate(options, 4), 1);
  EXPECT_EQ(ShapeFromName("wsd"), ScheduleOptions::Shape::kWsd);
  EXPECT_THROW(ShapeFromName("cosin"), base::Error);
  EXPECT_THROW(DecayFromName("sqrt"), base::Error);
}

}  // namespace
}  // namespace mathcoder::train
