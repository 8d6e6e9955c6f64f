#include "train/parallel/ordered_sum.h"

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace mathcoder::train {
namespace {

template <typename T, typename Sum>
void Add(const std::vector<const void*>& sources, void* out, std::int64_t count) {
  constexpr std::int64_t kBlock = 2048;  // stays in the first cache
  std::array<Sum, kBlock> sum;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t length = std::min(kBlock, count - begin);
    const T* first = static_cast<const T*>(sources[0]) + begin;
    for (std::int64_t i = 0; i < length; ++i) sum[i] = static_cast<Sum>(first[i]);
    for (std::size_t s = 1; s < sources.size(); ++s) {
      const T* next = static_cast<const T*>(sources[s]) + begin;
      for (std::int64_t i = 0; i < length; ++i) sum[i] = static_cast<Sum>(sum[i] + static_cast<Sum>(next[i]));
    }
    T* to = static_cast<T*>(out) + begin;
    for (std::int64_t i = 0; i < length; ++i) to[i] = static_cast<T>(sum[i]);
  }
}

}  // namespace

void OrderedSum(c10::ScalarType type, const std::vector<const void*>& sources, void* out, std::int64_t count) {
  MC_CHECK(!sources.empty());
  switch (type) {
    case c10::ScalarType::Float:
      return Add<float, float>(sources, out, count);
    case c10::ScalarType::Double:
      return Add<double, double>(sources, out, count);
    case c10::ScalarType::BFloat16:
      return Add<c10::BFloat16, float>(sources, out, count);
    case c10::ScalarType::Long:
      return Add<std::int64_t, std::int64_t>(sources, out, count);
    case c10::ScalarType::Byte:
      return Add<std::uint8_t, std::uint8_t>(sources, out, count);
    default:
      MC_CHECK(false && "a type that is not summed");
  }
}

}  // namespace mathcoder::train
