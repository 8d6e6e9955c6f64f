// A backend for tests whose "model" is a hash: the logits of a row depend on every token that its seat's cache holds, in order.
// A token at the wrong place, a copy of the wrong length or a stale cell changes what is generated.
//
// With `sensitive` a cell also depends on how it was computed (the rows of its batch and its place among them), as the last
// bits of a real cache do: only a scheduler that recomputes with the same chunks then gives the same tokens.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/backend.h"

namespace mathcoder::engine::testing {

class FakeBackend final : public Backend {
 public:
  FakeBackend(BackendShape shape, bool sensitive) : shape_(shape), sensitive_(sensitive), seats_(shape.seats) {}

  const BackendShape& shape() const override { return shape_; }

  Status Decode(std::span<const BackendRow> rows) override {
    MC_CHECK(!rows.empty() && rows.size() <= shape_.batch);
    ++decodes;
    if (fail_next) {
      fail_next = false;
      return Status::kFailed;
    }
    if (shape_.shared_cells && UsedCells() + rows.size() > shape_.cells) return Status::kNoCells;
    if (deny > 0) {
      --deny;
      return Status::kNoCells;
    }
    if (shape_.dense_from > 0) MC_CHECK(rows.size() < shape_.dense_from || OneSeat(rows));
    if (!shape_.shared_cells) MC_CHECK(OneSeat(rows) || OneEach(rows));
    logits_.clear();
    // Interrupted somewhere on the way: some rows are in their seats.
    const bool interrupted = interrupted_;
    const std::size_t computed = interrupted ? rows.size() / 2 : rows.size();
    for (std::size_t i = 0; i < computed; ++i) {
      auto& seat = seats_[static_cast<std::size_t>(rows[i].seat)];
      MC_CHECK(static_cast<std::size_t>(rows[i].position) == seat.size());
      std::uint64_t value = seat.empty() ? 7 : seat.back()->value;
      value = Mix(value ^ Mix(static_cast<std::uint64_t>(rows[i].token) + 1));
      if (sensitive_) value = Mix(value ^ Mix(rows.size() * 1000 + i));
      seat.push_back(std::make_shared<Cell>(Cell{value}));
      MC_CHECK(shape_.shared_cells || seat.size() <= shape_.seat_cells);
      std::vector<float> row;
      if (rows[i].wants_logits) {
        for (std::size_t v = 0; v < shape_.vocabulary; ++v) row.push_back(static_cast<float>(Mix(value + v) % 1000) / 100.0F);
      }
      logits_.push_back(std::move(row));
      ++rows_computed;
    }
    return interrupted ? Status::kInterrupted : Status::kOk;
  }

  std::span<const float> Logits(std::size_t index) override {
    MC_CHECK(!logits_.at(index).empty());
    return logits_[index];
  }
  void Cut(std::int32_t seat, std::size_t n) override {
    auto& cells = seats_.at(static_cast<std::size_t>(seat));
    MC_CHECK(n <= cells.size());
    MC_CHECK(n == 0 || shape_.can_cut);
    cells.resize(n);
  }
  void Copy(std::int32_t from, std::int32_t to, std::size_t n) override {
    auto& source = seats_.at(static_cast<std::size_t>(from));
    auto& target = seats_.at(static_cast<std::size_t>(to));
    MC_CHECK(target.empty() && n <= source.size() && from != to);
    MC_CHECK(shape_.can_cut || n == source.size());
    target.assign(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(n));
    ++copies;
  }
  std::vector<std::uint8_t> Save(std::int32_t seat) override {
    std::vector<std::uint8_t> bytes;
    for (const auto& cell : seats_.at(static_cast<std::size_t>(seat))) {
      for (int k = 0; k < 8; ++k) bytes.push_back(static_cast<std::uint8_t>(cell->value >> (8 * k)));
    }
    return bytes;
  }
  bool Load(std::int32_t seat, std::span<const std::uint8_t> saved) override {
    auto& cells = seats_.at(static_cast<std::size_t>(seat));
    MC_CHECK(cells.empty());
    for (std::size_t i = 0; i + 8 <= saved.size(); i += 8) {
      std::uint64_t value = 0;
      for (std::size_t k = 0; k < 8; ++k) value |= static_cast<std::uint64_t>(saved[i + k]) << (8 * k);
      cells.push_back(std::make_shared<Cell>(Cell{value}));
    }
    return true;
  }
  void Clear() override {
    for (auto& seat : seats_) seat.clear();
  }
  void Interrupt() override { interrupted_ = true; }
  void Resume() override { interrupted_ = false; }
  std::string error() const override { return "the fake failed"; }

  bool fail_next = false;
  int deny = 0;  // so many Decodes say kNoCells
  std::size_t decodes = 0;
  std::size_t rows_computed = 0;
  std::size_t copies = 0;

 private:
  struct Cell {
    std::uint64_t value;
  };
  static std::uint64_t Mix(std::uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 29)) * 0xD6E8FEB86659FD93ULL;
    return x ^ (x >> 32);
  }
  static bool OneSeat(std::span<const BackendRow> rows) {
    return std::all_of(rows.begin(), rows.end(), [&](const BackendRow& row) { return row.seat == rows[0].seat; });
  }
  static bool OneEach(std::span<const BackendRow> rows) {
    for (std::size_t i = 1; i < rows.size(); ++i) {
      if (rows[i].seat <= rows[i - 1].seat) return false;
    }
    return true;
  }
  std::size_t UsedCells() const {
    std::set<const Cell*> cells;
    for (const auto& seat : seats_) {
      for (const auto& cell : seat) cells.insert(cell.get());
    }
    return cells.size();
  }

  BackendShape shape_;
  bool sensitive_;
  bool interrupted_ = false;
  std::vector<std::vector<std::shared_ptr<Cell>>> seats_;
  std::vector<std::vector<float>> logits_;
};

}  // namespace mathcoder::engine::testing
