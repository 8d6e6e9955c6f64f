#include "train/model/linear.h"

#include "base/check.h"
#include "train/ops/ops.h"

namespace mathcoder::train {

LinearGroup::LinearGroup(const Unit& unit, const std::vector<std::string>& names, const LoraOptions& lora) {
  if (lora.rank > 0) scale_ = lora.scale();
  for (const std::string& name : names) {
    Piece piece{ParameterRef(unit, name + ".weight"), ParameterRef(unit, name + ".bias"), out_};
    MC_CHECK(piece.weight.present());
    Adapter adapter{ParameterRef(unit, AdapterName(name + ".weight", 'A')), ParameterRef(unit, AdapterName(name + ".weight", 'B')),
                    out_};
    learning_ = learning_ || piece.weight.learning() || piece.bias.learning() || adapter.a.learning() || adapter.b.learning();
    out_ += piece.out();
    if (adapter.a.present()) adapters_.push_back(adapter);
    if (!pieces_.empty()) {
      Piece& last = pieces_.back();
      const bool biases = last.bias.present() == piece.bias.present() && (!piece.bias.present() || last.bias.Adjoins(piece.bias));
      if (last.weight.Adjoins(piece.weight) && biases) {
        last.weight.Append(piece.weight);
        last.bias.Append(piece.bias);
        continue;
      }
    }
    pieces_.push_back(piece);
  }
}

at::Tensor LinearGroup::Small(Buffer& buffer, const Adapter& adapter, const at::Tensor& like) {
  return buffer.Take(like.size(0), adapter.a.shape()[0], like.options());
}

void LinearGroup::Forward(const UnitWeights& weights, const at::Tensor& x, at::Tensor& y, bool add) {
  for (const Piece& piece : pieces_) {
    at::Tensor part = y.narrow(1, piece.begin, piece.out());
    ops::Linear(x, piece.weight.Value(weights), piece.bias.Value(weights), part, add);
  }
  for (const Adapter& adapter : adapters_) {
    at::Tensor small = Small(small_, adapter, x);
    ops::Linear(x, adapter.a.Value(weights), {}, small);
    small.mul_(scale_);
    at::Tensor part = y.narrow(1, adapter.begin, adapter.out());
    ops::Linear(small, adapter.b.Value(weights), {}, part, true);
  }
}

void LinearGroup::BackwardInput(const UnitWeights& weights, const at::Tensor& dy, at::Tensor& dx) {
  bool add = false;
  for (const Piece& piece : pieces_) {
    ops::LinearBackwardInput(dy.narrow(1, piece.begin, piece.out()), piece.weight.Value(weights), dx, add);
    add = true;
  }
  for (const Adapter& adapter : adapters_) {
    at::Tensor dsmall = Small(dsmall_, adapter, dy);
    ops::LinearBackwardInput(dy.narrow(1, adapter.begin, adapter.out()), adapter.b.Value(weights), dsmall);
    dsmall.mul_(scale_);
    ops::LinearBackwardInput(dsmall, adapter.a.Value(weights), dx, true);
  }
}

void LinearGroup::BackwardWeight(const UnitWeights& weights, const at::Tensor& dy, const at::Tensor& x) {
  for (const Piece& piece : pieces_) {
    const at::Tensor part = dy.narrow(1, piece.begin, piece.out());
    at::Tensor dweight = piece.weight.Gradient(weights);
    at::Tensor dbias = piece.bias.Gradient(weights);
    if (dweight.defined()) {
      ops::LinearBackwardWeight(part, x, dweight, dbias);
    } else if (dbias.defined()) {
      dbias.add_(part.sum(0, false, dbias.scalar_type()));
    }
  }
  for (const Adapter& adapter : adapters_) {
    const at::Tensor part = dy.narrow(1, adapter.begin, adapter.out());
    if (at::Tensor db = adapter.b.Gradient(weights); db.defined()) {
      at::Tensor small = Small(small_, adapter, x);
      ops::Linear(x, adapter.a.Value(weights), {}, small);
      ops::LinearBackwardWeight(part, small, db, {}, scale_);
    }
    if (at::Tensor da = adapter.a.Gradient(weights); da.defined()) {
      at::Tensor dsmall = Small(dsmall_, adapter, dy);
      ops::LinearBackwardInput(part, adapter.b.Value(weights), dsmall);
      ops::LinearBackwardWeight(dsmall, x, da, {}, scale_);
    }
  }
}

}  // namespace mathcoder::train
