// A tensor as rows that are fetched one at a time: what a conversion reads, turns and writes without ever holding it whole.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "weights/hf_weights.h"
#include "weights/safetensors.h"

namespace mathcoder::engine {
struct GgufTensor;
}

namespace mathcoder::weights {

struct Matrix {
  std::string name;
  Shape shape;                // [rows, columns], or [rows] with columns of one number
  DType dtype = DType::kF32;  // of what `row` gives
  // The bytes of one row; they live until the next call. Not thread-safe.
  std::function<std::span<const std::byte>(std::int64_t row)> row;

  std::int64_t rows() const { return shape[0]; }
  std::int64_t columns() const { return shape.size() > 1 ? shape[1] : 1; }
};

// Both borrow: the file must outlive the matrix. A quantised tensor gives floats.
Matrix MatrixOf(const TensorView& tensor);
Matrix MatrixOf(const engine::GgufTensor& tensor, const std::string& name);

// Hugging Face turns element i of a head with element i + half, GGUF's `llama` turns neighbours: the same rotation after the rows
// of q and k are put in another order. `heads`: of this matrix. Precondition: rows are a multiple of 2 * heads.
Matrix Interleaved(Matrix matrix, std::int64_t heads);    // to GGUF's order
Matrix Deinterleaved(Matrix matrix, std::int64_t heads);  // and back

// More rows; the new ones, and those of `also_new`, are the mean of the first `known` rows that are not new.
Matrix Grown(Matrix matrix, std::int64_t rows, std::int64_t known, const std::vector<std::int32_t>& also_new);

// Hands all rows to `write`, in `dtype`, in pieces of a few megabytes. Same type: byte for byte. Throws base::BadInput naming the
// tensor where a finite number is too large for f16.
void WriteRows(const Matrix& matrix, DType dtype, const std::function<void(std::span<const std::byte>)>& write);

OutputTensor OutputOf(Matrix matrix, DType dtype);

}  // namespace mathcoder::weights
