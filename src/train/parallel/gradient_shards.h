// The gradients of all units in one process. A unit is a bucket: when its gradient is complete, its reduction starts, and the
// backward pass goes on with the unit below.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "train/parallel/buffer_pool.h"
#include "train/parallel/communicator.h"
#include "train/parallel/unit_cut.h"

namespace mathcoder::train {

class GradientShards {
 public:
  enum class Kind : std::uint8_t {
    kAllReduced,  // whole everywhere
    kReduced,     // whole while rows add to it, then summed by the owner of each part
    kScattered,   // whole during a unit's backward pass only, then summed by the owners
  };

  GradientShards(Kind kind, const std::vector<UnitCut>& cuts, at::TensorOptions options, Communicator& communicator);

  void BeginRow(std::int64_t rows_left) { rows_left_ = rows_left; }
  at::Tensor Gradient(std::size_t unit);
  void Done(std::size_t unit);
  // Waits for the reductions; the norm of all gradients.
  double Finish();

  // After Finish. The summed gradient of what this process owns, of what it steps, and of all (a gather where it is not here: the
  // result is there after `arriving`, which may be null; give it back).
  at::Tensor Own(std::size_t unit) const;
  at::Tensor Stepped(std::size_t unit) const;
  at::Tensor FetchWhole(std::size_t unit, std::unique_ptr<Communicator::Work>& arriving);
  void GiveWhole(std::size_t unit, at::Tensor whole);

  // Waits for what is under way.
  void Settle();
  // And gradients are zero again.
  void Reset();

  std::int64_t held_bytes() const;
  BufferPool& pool() { return pool_; }
  const BufferPool& pool() const { return pool_; }

 private:
  struct Entry {
    at::Tensor held;       // [padded], kScattered: [part]
    at::Tensor buffer;     // kScattered: of the pool, while a row adds to it
    bool begun = false;    // `held` has something of this step
    bool reduced = false;  // its reduction was started
  };
  struct Reduction {
    std::size_t unit = 0;
    std::unique_ptr<Communicator::Work> work;
    at::Tensor buffer;  // kScattered: to be given back
    bool add = false;   // the sum lies in the buffer's own piece and is added to what earlier rows left
  };

  void MakeRoom(std::int64_t size);
  void Reduce(std::size_t unit);
  void SettleOldest();

  const Kind kind_;
  const std::vector<UnitCut>& cuts_;
  const at::Device device_;
  Communicator& communicator_;
  std::vector<Entry> units_;
  std::deque<Reduction> reductions_;
  std::int64_t rows_left_ = 1;
  BufferPool pool_;
};

}  // namespace mathcoder::train
