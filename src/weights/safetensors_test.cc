#include "weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "weights/hf_weights.h"
#include "weights/testing.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Scratch;
using testing::SharedDir;

std::string File(const std::string& header, std::size_t data) {
  std::string file(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data, 'x');
}

OutputTensor Tensor(const std::string& name, DType type, Shape shape, char fill) {
  OutputTensor tensor{{name, type, std::move(shape)}, {}};
  tensor.bytes = [bytes = tensor.entry.bytes(), fill](const auto& write) {
    const std::string data(bytes, fill);
    for (std::size_t i = 0; i < data.size(); i += 3)
      write(std::as_bytes(std::span(data).subspan(i, std::min<std::size_t>(3, data.size() - i))));
  };
  return tensor;
}

TEST(SafetensorsTest, EveryDamageIsNamed) {
  const Scratch scratch;
  const struct {
    std::string content;
    std::string message;
  } cases[] = {
      {"", "holds 0 bytes"},
      {"GGUF\1\1\1\1{......", "it is a GGUF file"},
      {"version https://git-lfs", "Git LFS pointer"},
      {File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8).substr(0, 40), "cut off inside its header"},
      {File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7),
       "tensor a ends at byte 8 of the data, of which the file has 7"},
      {File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9), "1 bytes behind its last tensor"},
      {File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4), "tensor a of type F32 and shape [2] needs 8 bytes"},
      {File(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", 2), "tensor a has the type F8_E4M3"},
      {File(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,2]}})", 2), "tensor a has the shape [-1]"},
      {File(R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,2]}})", 2), "more than a file can hold"},
      {File(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3),
       "tensor b begins at byte 1 of the data, where 2 is expected"},
      {File(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", 4),
       "tensor"},
      {File(R"({"a":{"dtype":"U8"}})", 0), "tensor a lacks dtype, shape or data_offsets"},
      {File(R"({"a":)", 0), "no JSON object"},
      {File("[1,2]   ", 0), "no safetensors header"},
  };
  for (const auto& c : cases) {
    base::WriteFileAtomically(scratch / "x.safetensors", c.content);
    const std::string error = ErrorOf([&] { SafetensorsFile file(scratch / "x.safetensors"); });
    EXPECT_THAT(error, AllOf(HasSubstr("x.safetensors"), HasSubstr(c.message))) << c.content.substr(0, 100);
  }
  EXPECT_THAT(ErrorOf([&] { SafetensorsFile file(scratch / "none"); }), HasSubstr("cannot be read"));
}

TEST(SafetensorsTest, TheLibrarysFileComesBackToTheByte) {
  const fs::path folder = SharedDir() / "models/mathematics-7m/hf";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const HfWeights weights(folder);
  ASSERT_EQ(weights.tensors().size(), 2 + 8 * 9U);
  EXPECT_EQ(weights.Get("model.embed_tokens.weight").shape, (Shape{2048, 256}));
  const std::string original = base::ReadFile(folder / "model.safetensors");
  std::vector<OutputTensor> tensors;
  for (const TensorView* tensor : weights.tensors()) tensors.push_back(Same(*tensor));
  const Scratch scratch;
  // Without the layout as well: the order and the header are the library's own.
  std::reverse(tensors.begin(), tensors.end());
  WriteHfWeights(scratch / "out", tensors, {});
  EXPECT_TRUE(base::ReadFile(scratch / "out/model.safetensors") == original);
}

TEST(SafetensorsTest, ShardsAndTheirIndex) {
  const Scratch scratch;
  const std::vector<OutputTensor> tensors = {Tensor("b", DType::kF32, {2, 3}, 'b'), Tensor("a", DType::kBF16, {4}, 'a'),
                                             Tensor("c", DType::kF32, {5}, 'c'), Tensor("none", DType::kF32, {0, 7}, 'n')};
  base::WriteFileAtomically(scratch / "model.safetensors", "stale");
  WriteHfWeights(scratch.path(), tensors, {.max_shard_bytes = 32});
  EXPECT_FALSE(fs::exists(scratch / "model.safetensors")) << "Transformers would read the stale file";
  const HfWeights weights(scratch.path());
  EXPECT_EQ(weights.layout().files.size(), 2U);
  EXPECT_EQ(weights.bytes(), 24U + 8 + 20);
  EXPECT_EQ(weights.Get("c").bytes[0], std::byte{'c'});
  EXPECT_EQ(weights.Get("none").bytes.size(), 0U);
  const base::Json index = base::Json::parse(base::ReadFile(scratch / "model.safetensors.index.json"));
  EXPECT_EQ(index["metadata"]["total_size"], 52);
  EXPECT_EQ(index["weight_map"]["c"], "model-00002-of-00002.safetensors");

  // The same files again, headers of another hand and odd names included.
  const Scratch again;
  const std::string odd =
      R"({ "b":{"shape":[2], "dtype":"U8", "data_offsets":[0,2]}, "a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}, "__metadata__":{"format":"pt"}})";
  base::WriteFileAtomically(scratch / "model-x.safetensors", File(odd, 3));
  base::WriteFileAtomically(scratch / "model.safetensors.index.json",
                            R"({"weight_map":{"a":"model-x.safetensors","b":"model-x.safetensors"}})");
  const HfWeights other(scratch.path());
  std::vector<OutputTensor> same;
  for (const TensorView* tensor : other.tensors()) same.push_back(Same(*tensor));
  WriteHfWeights(again.path(), same, {.like = &other.layout()});
  EXPECT_EQ(base::ReadFile(again / "model-x.safetensors").substr(8 + odd.size()), "xxx");
  EXPECT_EQ(base::ReadFile(again / "model.safetensors.index.json"), base::ReadFile(scratch / "model.safetensors.index.json"));
}

TEST(SafetensorsTest, WhatStopsInTheMiddleLeavesNothing) {
  const Scratch scratch;
  const std::vector<OutputTensor> tensors = {Tensor("a", DType::kU8, {100}, 'a')};
  EXPECT_THROW(WriteHfWeights(scratch / "out", tensors,
                              {.progress =
                                   [](std::uint64_t bytes) {
                                     if (bytes > 50) throw base::OutputFailure("stop");
                                   }}),
               base::Error);
  EXPECT_TRUE(fs::is_empty(scratch / "out"));
}

TEST(SafetensorsTest, FoldersThatHoldSomethingElse) {
  const Scratch scratch;
  const auto error = [&] { return ErrorOf([&] { HfWeights weights(scratch.path()); }); };
  EXPECT_THAT(error(), HasSubstr("holds neither model.safetensors nor"));
  base::WriteFileAtomically(scratch / "pytorch_model.bin", "x");
  EXPECT_THAT(error(), HasSubstr("PyTorch's older form"));
  base::WriteFileAtomically(scratch / "model.safetensors.index.json",
                            R"({"weight_map":{"a":"m1.safetensors","b":"m2.safetensors"}})");
  EXPECT_THAT(error(), HasSubstr("lacks m1.safetensors, m2.safetensors"));
  EXPECT_THAT(ErrorOf([&] { HfWeights weights(scratch / "none"); }), HasSubstr("no such folder"));
}

}  // namespace
}  // namespace mathcoder::weights
