// SHA-256 is OpenSSL's; this file alone knows it.
#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"

namespace mathcoder::base {
namespace {

class Sha256Stream {
 public:
  Sha256Stream() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    MC_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void Update(std::string_view data) { MC_CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1); }
  std::string Hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    MC_CHECK(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1);
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      hex += kDigits[digest[i] >> 4];
      hex += kDigits[digest[i] & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256(std::string_view data) {
  Sha256Stream stream;
  stream.Update(data);
  return stream.Hex();
}

std::string Sha256OfFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput(path.string() + ": cannot be opened for hashing (" + std::strerror(errno) + ")");
  Sha256Stream stream;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    stream.Update({buffer.data(), static_cast<std::size_t>(file.gcount())});
  }
  if (file.bad()) throw BadInput(path.string() + ": reading failed while hashing");
  return stream.Hex();
}

}  // namespace mathcoder::base
