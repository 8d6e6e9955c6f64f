// What the scheduler needs of a library that runs transformers: decode rows, copy and cut caches. One implementation speaks to
// libllama (llama_backend.h); tests have another, whose next token is a hash of exactly what its cache holds.
//
// A seat is a cache that one sequence can sit in (libllama: a sequence id). Positions in a seat are 0 .. n-1 without gaps.
// Not thread-safe: the scheduler's thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chat/transcript.h"

namespace mathcoder::engine {

struct BackendShape {
  std::size_t seats = 1;
  std::size_t cells = 0;       // tokens that fit in all
  std::size_t seat_cells = 0;  // tokens that fit in one seat
  std::size_t batch = 512;     // rows of one Decode
  std::size_t vocabulary = 0;
  // True: seats share one pool of cells, a copy costs none, rows of any seats go together in one batch.
  // False: each seat has `seat_cells` of its own ("streams"), a copy moves memory. Rows of one batch are then either one a seat
  // (decoding), or all of one seat (prefilling).
  bool shared_cells = true;
  // Attention looks at all cells of the pool for every row, and at those of others densely from this many rows on: a batch
  // of more rows is cut. 0: no such limit.
  std::size_t dense_from = 0;
  // False for recurrent models: the cache of a prefix cannot be cut out of a longer one.
  bool can_cut = true;
};

struct BackendRow {
  chat::TokenId token = 0;
  std::int32_t position = 0;
  std::int32_t seat = 0;
  bool wants_logits = false;
};

class Backend {
 public:
  enum class Status : std::uint8_t {
    kOk,
    kNoCells,      // nothing was changed
    kInterrupted,  // Interrupt was called: the seats of the rows may hold some of them, and have to be cut to what they held before
    kFailed,       // error() says why; the caches are in an unknown state and Clear must follow
  };
  virtual ~Backend() = default;

  virtual const BackendShape& shape() const = 0;
  virtual Status Decode(std::span<const BackendRow> rows) = 0;
  // Of row `index` of the last Decode, which wanted them. Valid until the next Decode.
  virtual std::span<const float> Logits(std::size_t index) = 0;
  // Cuts a seat to its first `n` tokens. Precondition: n == 0, or can_cut.
  virtual void Cut(std::int32_t seat, std::size_t n) = 0;
  // Makes `to`, which is empty, hold the first `n` tokens of `from`. Precondition: can_cut, or n is all that `from` holds.
  virtual void Copy(std::int32_t from, std::int32_t to, std::size_t n) = 0;
  // Everything that a seat holds as bytes, and back into an empty seat. Save of a seat that cannot be saved gives no bytes.
  virtual std::vector<std::uint8_t> Save(std::int32_t seat) = 0;
  virtual bool Load(std::int32_t seat, std::span<const std::uint8_t> saved) = 0;
  virtual void Clear() = 0;
  // From any thread, while Decode runs: makes it return kInterrupted soon, if it can. Resume takes it back; until then every Decode
  // is interrupted.
  virtual void Interrupt() = 0;
  virtual void Resume() = 0;
  virtual std::string error() const = 0;
};

}  // namespace mathcoder::engine
