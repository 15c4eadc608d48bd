#pragma once

/* One thing that oc_doctor_examine looked at; texts are never NULL. */
typedef struct oc_finding {
  const char* name;
  int32_t state; /* 0 ok, 1 limited, 2 missing */
  const char* value;
  const char* meaning; /* what does not work; "" when ok */
  const char* fix;     /* one command for a shell; "" when there is none */
} oc_finding;

typedef struct oc_doctor oc_doctor;

/* Tries what this process may do here; NULL when memory ends. Close it. */
oc_doctor* oc_doctor_examine(void);
/* The i-th finding, owned by the doctor: 1, or 0 after the last. */
int oc_doctor_finding(const oc_doctor* doctor, uint32_t index, oc_finding* out);
void oc_doctor_close(oc_doctor* doctor);
