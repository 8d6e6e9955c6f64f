// For tests: a state whose content follows from the step, cut as a sharded run cuts it, and a folder that goes with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "train/run/parts/checkpoint.h"
#include "train/run/parts/checkpoint_store.h"

namespace mathcoder::train {

struct TestTensor {
  std::string name;
  std::string dtype;
  std::int64_t size;
};

inline const std::vector<TestTensor>& TestTensors() {
  static const std::vector<TestTensor> tensors = {{"embedding/weights", "F32", 3001}, {"layer 0/weights", "BF16", 1024},
                                                  {"layer 0/first", "F32", 1024},     {"layer 0/scales", "U8", 5},
                                                  {"head/weights", "F32", 1},         {"step", "I64", 1}};
  return tensors;
}

// Byte `at` of a tensor at a step.
inline std::byte TestByte(std::int64_t step, std::size_t tensor, std::uint64_t at) {
  std::uint64_t x = (static_cast<std::uint64_t>(step) * 1000003 + tensor) * 0x9E3779B97F4A7C15U + at / 8;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return static_cast<std::byte>((x ^ (x >> 31)) >> (at % 8 * 8));
}

// A process's parts and the memory behind them.
struct TestState {
  std::vector<std::vector<std::byte>> memory;
  std::vector<PartToSave> parts;

  TestState(std::int64_t step, int rank = 0, int world_size = 1, std::int64_t factor = 1) {
    for (std::size_t t = 0; t < TestTensors().size(); ++t) {
      const TestTensor& tensor = TestTensors()[t];
      const std::int64_t size = tensor.size * factor, element = ElementSize(tensor.dtype);
      const std::int64_t each = (size + world_size - 1) / world_size;  // the last part is shorter, or empty
      PartToSave part{tensor.name, tensor.dtype, std::min(size, rank * each), 0, size, {}, nullptr};
      part.count = std::min(size, part.begin + each) - part.begin;
      auto& bytes = memory.emplace_back(static_cast<std::size_t>(part.count * element));
      for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = TestByte(step, t, static_cast<std::uint64_t>(part.begin * element) + i);
      parts.push_back(std::move(part));
    }
    for (std::size_t t = 0; t < parts.size(); ++t) parts[t].bytes = memory[t];
  }
};

inline std::vector<ExpectedTensor> TestExpected(std::int64_t factor = 1) {
  std::vector<ExpectedTensor> expected;
  for (const TestTensor& tensor : TestTensors()) expected.push_back({tensor.name, tensor.dtype, tensor.size * factor});
  return expected;
}

// Whether the checkpoint holds exactly the state of its step; reads it as `readers` processes do.
inline bool HoldsItsStep(const Checkpoint& checkpoint, int readers, std::int64_t factor = 1) {
  checkpoint.Require(TestExpected(factor));
  for (int reader = 0; reader < readers; ++reader) {
    const TestState wanted(checkpoint.step(), reader, readers, factor);
    for (const PartToSave& part : wanted.parts) {
      std::vector<std::byte> read(part.bytes.size());
      checkpoint.Read(part.name, part.begin, read);
      if (!std::equal(read.begin(), read.end(), part.bytes.begin())) return false;
    }
  }
  return checkpoint.run().value("step", std::int64_t{-1}) == checkpoint.step();
}

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where that is possible: hundreds of fsyncs take no time there, and killing needs no disk.
    const std::filesystem::path root = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = root / "mathcoder-checkpoint-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    folder_ = dir_ / "checkpoints";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  CheckpointStoreOptions Options(int rank = 0, int world_size = 1) const {
    CheckpointStoreOptions options;
    options.folder = folder_;
    options.rank = rank;
    options.world_size = world_size;
    options.attempt = "test";
    return options;
  }
  static base::Json Run(std::int64_t step) {
    return {{"step", step}, {"learning_rate", 0.1}, {"note", "a \"quoted\" \xE2\x82\xAC"}};
  }
  // Names in the folder but the lock's.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().filename() != ".lock") names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::filesystem::path dir_, folder_;
};

}  // namespace mathcoder::train
