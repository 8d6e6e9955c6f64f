#include "weights/matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/error.h"
#include "engine/gguf_file.h"

namespace mathcoder::weights {
namespace {

constexpr std::size_t kPiece = std::size_t{4} << 20;

void CheckF16(const Matrix& matrix, std::span<const float> values) {
  for (const float value : values) {
    if (std::fabs(value) >= 65520.0F && std::isfinite(value)) {
      throw base::BadInput("tensor " + matrix.name + ": holds " + std::to_string(value) + ", more than f16 can; use bf16 or f32");
    }
  }
}

}  // namespace

Matrix MatrixOf(const TensorView& tensor) {
  MC_CHECK(!tensor.shape.empty() && tensor.shape.size() <= 2);
  Matrix matrix{tensor.name, tensor.shape, tensor.dtype, {}};
  const std::size_t bytes = static_cast<std::size_t>(matrix.columns()) * SizeOf(tensor.dtype);
  matrix.row = [data = tensor.bytes, bytes](std::int64_t row) {
    return data.subspan(static_cast<std::size_t>(row) * bytes, bytes);
  };
  return matrix;
}

Matrix MatrixOf(const engine::GgufTensor& tensor, const std::string& name) {
  MC_CHECK(!tensor.shape.empty() && tensor.shape.size() <= 2);
  Matrix matrix{name, tensor.shape, DType::kF32, {}};
  const std::size_t bytes = tensor.bytes.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, matrix.rows()));
  const auto stored = [&, bytes](DType dtype) {
    matrix.dtype = dtype;
    matrix.row = [data = tensor.bytes, bytes](std::int64_t row) {
      return data.subspan(static_cast<std::size_t>(row) * bytes, bytes);
    };
  };
  if (tensor.type == "f32") {
    stored(DType::kF32);
  } else if (tensor.type == "f16") {
    stored(DType::kF16);
  } else if (tensor.type == "bf16") {
    stored(DType::kBF16);
  } else {
    const auto floats = std::make_shared<std::vector<float>>(static_cast<std::size_t>(matrix.columns()));
    matrix.row = [data = tensor.bytes, bytes, type = tensor.type, floats](std::int64_t row) {
      engine::GgufToFloats(type, data.subspan(static_cast<std::size_t>(row) * bytes, bytes), *floats);
      return std::as_bytes(std::span(*floats));
    };
  }
  return matrix;
}

Matrix Interleaved(Matrix matrix, std::int64_t heads) {
  const std::int64_t size = matrix.rows() / heads;
  matrix.row = [row = std::move(matrix.row), size](std::int64_t r) {
    const std::int64_t in = r % size;
    return row(r - in + in / 2 + (in % 2) * (size / 2));
  };
  return matrix;
}

Matrix Deinterleaved(Matrix matrix, std::int64_t heads) {
  const std::int64_t size = matrix.rows() / heads;
  matrix.row = [row = std::move(matrix.row), size](std::int64_t r) {
    const std::int64_t in = r % size;
    const std::int64_t half = size / 2;
    return row(r - in + (in % half) * 2 + in / half);
  };
  return matrix;
}

Matrix Grown(Matrix matrix, std::int64_t rows, std::int64_t known, const std::vector<std::int32_t>& also_new) {
  MC_CHECK(rows >= matrix.rows());
  std::vector<bool> fresh(static_cast<std::size_t>(rows), false);
  for (const std::int32_t id : also_new) fresh[static_cast<std::size_t>(id)] = true;
  for (std::int64_t r = matrix.rows(); r < rows; ++r) fresh[static_cast<std::size_t>(r)] = true;
  const auto columns = static_cast<std::size_t>(matrix.columns());
  std::vector<double> sum(columns, 0);
  std::vector<float> values(columns);
  double count = 0;
  for (std::int64_t r = 0; r < std::min(known, matrix.rows()); ++r) {
    if (fresh[static_cast<std::size_t>(r)]) continue;
    ToFloats(matrix.dtype, matrix.row(r), values);
    for (std::size_t c = 0; c < columns; ++c) sum[c] += static_cast<double>(values[c]);
    ++count;
  }
  for (std::size_t c = 0; c < columns; ++c) values[c] = static_cast<float>(sum[c] / std::max(count, 1.0));
  std::vector<std::byte> mean(columns * SizeOf(matrix.dtype));
  FromFloats(matrix.dtype, values, mean);
  matrix.shape[0] = rows;
  matrix.row = [row = std::move(matrix.row), fresh = std::move(fresh), mean = std::move(mean)](std::int64_t r) {
    return fresh[static_cast<std::size_t>(r)] ? std::span<const std::byte>(mean) : row(r);
  };
  return matrix;
}

void WriteRows(const Matrix& matrix, DType dtype, const std::function<void(std::span<const std::byte>)>& write) {
  const auto columns = static_cast<std::size_t>(matrix.columns());
  const std::size_t row_bytes = columns * SizeOf(dtype);
  std::vector<float> values(columns);
  std::vector<std::byte> piece;
  piece.reserve(kPiece + row_bytes);
  for (std::int64_t r = 0; r < matrix.rows(); ++r) {
    const std::span<const std::byte> row = matrix.row(r);
    const std::size_t at = piece.size();
    piece.resize(at + row_bytes);
    const auto to = std::span(piece).subspan(at);
    if (dtype == matrix.dtype) {
      std::copy(row.begin(), row.end(), to.begin());
    } else {
      ToFloats(matrix.dtype, row, values);
      if (dtype == DType::kF16) CheckF16(matrix, values);
      FromFloats(dtype, values, to);
    }
    if (piece.size() >= kPiece) {
      write(piece);
      piece.clear();
    }
  }
  if (!piece.empty()) write(piece);
}

OutputTensor OutputOf(Matrix matrix, DType dtype) {
  OutputTensor out{{matrix.name, dtype, matrix.shape}, {}};
  out.bytes = [matrix = std::move(matrix), dtype](const auto& write) { WriteRows(matrix, dtype, write); };
  return out;
}

}  // namespace mathcoder::weights
