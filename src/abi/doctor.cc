#include "session/doctor.h"

#include <exception>
#include <memory>

extern "C" {
#include "abi/doctor.h"
}

struct oc_doctor {
  std::vector<oc::sys::Finding> findings;
};

extern "C" {

oc_doctor* oc_doctor_examine(void) {
  try {
    auto doctor = std::make_unique<oc_doctor>();
    doctor->findings = oc::session::examine();
    return doctor.release();
  } catch (const std::exception&) {
    return nullptr;
  }
}

int oc_doctor_finding(const oc_doctor* doctor, uint32_t index, oc_finding* out) {
  if (index >= doctor->findings.size()) return 0;
  const oc::sys::Finding& finding = doctor->findings[index];
  out->name = finding.name.c_str();
  out->state = static_cast<int32_t>(finding.state);
  out->value = finding.value.c_str();
  out->meaning = finding.meaning.c_str();
  out->fix = finding.fix.c_str();
  return 1;
}

void oc_doctor_close(oc_doctor* doctor) { delete doctor; }

}  // extern "C"
