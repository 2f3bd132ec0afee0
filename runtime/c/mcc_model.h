/* A compiled model as the harness sees it: one constant record that the generated model_adapter.c
 * fills in. The record only points at the adapter's static buffers; nothing here is allocated. */
#ifndef MCC_MODEL_H
#define MCC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mcc_tensor {
  const char *name; /* the model's own name, for messages */
  void *data;       /* aligned for the element type; little-endian elements in the model's order */
  size_t bytes;
} mcc_tensor;

typedef struct mcc_model {
  const char *name;
  const mcc_tensor *inputs;
  size_t input_count;
  const mcc_tensor *outputs;
  size_t output_count;
  void *arena; /* NULL when the model needs none */
  size_t arena_bytes;
  int (*run)(void);    /* reads the inputs, writes the outputs; 0 on success */
  void (*reset)(void); /* puts the state kept in the arena to its initial value; NULL when the model has no state */
} mcc_model;

/* Defined by model_adapter.c. */
extern const mcc_model mcc_the_model;

#ifdef __cplusplus
}
#endif

#endif
