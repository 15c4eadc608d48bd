#include "source/tracing_data_writer.h"

#include <bit>
#include <string_view>

#include "base/byte_sink.h"

namespace oc::source {

namespace {

void put_name(base::ByteSink& sink, std::string_view name) {
  sink.put_text(name);
  sink.put(uint8_t{0});
}

void put_long_text(base::ByteSink& sink, std::string_view text) {
  sink.put(static_cast<uint64_t>(text.size()));
  sink.put_text(text);
}

}  // namespace

std::vector<uint8_t> make_tracing_data(const TracingTexts& texts) {
  base::ByteSink sink;
  sink.put_text("\x17\x08\x44tracing");
  put_name(sink, "0.6");
  sink.put(static_cast<uint8_t>(std::endian::native == std::endian::big));
  sink.put(static_cast<uint8_t>(sizeof(long)));
  sink.put(texts.page_bytes);
  put_name(sink, "header_page");
  put_long_text(sink, texts.header_page);
  put_name(sink, "header_event");
  put_long_text(sink, texts.header_event);
  sink.put(uint32_t{0});  // formats of ftrace's own events
  sink.put(static_cast<uint32_t>(texts.formats.size()));
  for (const auto& [system, formats] : texts.formats) {
    put_name(sink, system);
    sink.put(static_cast<uint32_t>(formats.size()));
    for (const std::string& format : formats) put_long_text(sink, format);
  }
  sink.put(uint32_t{0});  // kallsyms
  sink.put(static_cast<uint32_t>(texts.printk_formats.size()));
  sink.put_text(texts.printk_formats);
  put_long_text(sink, texts.saved_cmdlines);
  return sink.take();
}

}  // namespace oc::source
