// The weights of all units in one process: whole (stages 0 to 2), or its part of each, gathered while a unit is in use (stage 3).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "train/parallel/buffer_pool.h"
#include "train/parallel/communicator.h"
#include "train/parallel/unit_cut.h"

namespace mathcoder::train {

class WeightShards {
 public:
  enum class Kind : std::uint8_t {
    kWhole,         // and stepped whole
    kWholeStepped,  // each process steps its part and sends it to the others
    kSharded,
  };

  WeightShards(Kind kind, const std::vector<UnitCut>& learning, const std::vector<UnitCut>& frozen, at::TensorOptions options,
               Communicator& communicator);

  void Acquire(std::size_t unit);
  void Release(std::size_t unit);  // throws nothing
  void Prefetch(std::size_t unit);
  // [size]; between Acquire and Release.
  at::Tensor Learning(std::size_t unit) const;
  at::Tensor Frozen(std::size_t unit) const;

  // What this process holds for good: elements HeldRange() of the flat tensor.
  at::Tensor HeldLearning(std::size_t unit);
  at::Tensor HeldFrozen(std::size_t unit);
  Range HeldLearningRange(std::size_t unit) const;
  Range HeldFrozenRange(std::size_t unit) const;
  // What it steps, a view: [SteppedRange().size()].
  at::Tensor Stepped(std::size_t unit);
  Range SteppedRange(std::size_t unit) const;
  // The unit was stepped: the others' parts are fetched (kWholeStepped; the next Acquire waits).
  void StepDone(std::size_t unit);
  // Values were set: what was gathered before is worth nothing. Waits for what is under way. No unit may be in use.
  void Settle();

  std::int64_t held_bytes() const;
  std::int64_t gathered_bytes() const { return pool_.bytes(); }

 private:
  struct Flat {
    const UnitCut* cut = nullptr;
    at::Tensor held;      // [padded] or [part]
    at::Tensor gathered;  // a buffer of the pool
    std::unique_ptr<Communicator::Work> arriving;
  };
  struct Entry {
    Flat learning, frozen;
    int users = 0;
    std::int64_t last_use = 0;
    bool gathered = false;  // here or arriving
  };

  void Gather(Entry& entry);
  void Drop(Entry& entry);
  at::Tensor TakeBuffer(std::int64_t size);
  at::Tensor Held(const Flat& flat) const;
  Range HeldRange(const Flat& flat) const;

  const Kind kind_;
  Communicator& communicator_;
  std::vector<Entry> units_;
  BufferPool pool_;
  std::int64_t clock_ = 0;
};

}  // namespace mathcoder::train
