#include "CPQ.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A function's name in the library, and the slot of the table that its address goes to.
typedef struct {
    const char *name;
    size_t slot;
} symbol;

#define SLOT(name, field) {name, offsetof(canopy_pq_functions, field)}

static const symbol symbols[] = {
    SLOT("PQconnectdbParams", connect),
    SLOT("PQfinish", finish),
    SLOT("PQstatus", status),
    SLOT("PQerrorMessage", error),
    SLOT("PQexec", execute),
    SLOT("PQexecParams", execute_with),
    SLOT("PQresultStatus", result_status),
    SLOT("PQresultErrorMessage", result_error),
    SLOT("PQresultErrorField", result_field),
    SLOT("PQntuples", rows),
    SLOT("PQgetvalue", value),
    SLOT("PQclear", clear),
};

const canopy_pq_functions *canopy_pq_open(char *error, size_t error_capacity) {
    // Version 5 since 2006: its interface only grows.
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(error, error_capacity, "%s", dlerror());
        return NULL;
    }
    canopy_pq_functions *functions = calloc(1, sizeof *functions);
    for (size_t i = 0; functions != NULL && i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(library, symbols[i].name);
        if (address == NULL) {
            snprintf(error, error_capacity, "libpq.so.5 has no function %s", symbols[i].name);
            free(functions);
            dlclose(library);
            return NULL;
        }
        memcpy((char *)functions + symbols[i].slot, &address, sizeof address);
    }
    return functions;
}
