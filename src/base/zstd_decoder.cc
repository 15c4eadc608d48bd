#include "base/zstd_decoder.h"

#include <zstd.h>

#include <new>
#include <string>

namespace oc::base {

namespace {
constexpr size_t kStepBytes = 128 << 10;
constexpr int kMaxWindowLog = 27;  // what zstd itself takes without being asked
}  // namespace

void ZstdDecoder::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

ZstdDecoder::ZstdDecoder() : context_(ZSTD_createDCtx()) {
  if (!context_) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
}

Result<bool> ZstdDecoder::produce(std::vector<uint8_t>& out) {
  if (piece_.empty() && is_drained_) return false;
  const size_t before = out.size();
  out.resize(before + kStepBytes);
  ZSTD_inBuffer in{piece_.data(), piece_.size(), 0};
  ZSTD_outBuffer to{out.data() + before, kStepBytes, 0};
  const size_t status = ZSTD_decompressStream(context_.get(), &to, &in);
  out.resize(before + to.pos);
  if (ZSTD_isError(status) != 0) {
    piece_ = {};
    is_drained_ = true;
    return make_error(Code::kInvalid,
                      std::string("damaged zstd data (") + ZSTD_getErrorName(status) + ")");
  }
  piece_ = piece_.subspan(in.pos);
  // A step that was not filled gave all that the input so far holds.
  is_drained_ = to.pos < kStepBytes;
  if (in.pos == 0 && to.pos == 0) piece_ = {};  // no progress is possible: nothing more will come
  return !piece_.empty() || !is_drained_;
}

}  // namespace oc::base
