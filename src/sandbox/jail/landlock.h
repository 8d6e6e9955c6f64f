/* Landlock, from kernel ABI numbers alone: distributions' headers are older than the kernels they meet. */
#ifndef MATHCODER_SANDBOX_LANDLOCK_H_
#define MATHCODER_SANDBOX_LANDLOCK_H_

#ifdef __cplusplus
extern "C" {
#endif

/* The kernel's ABI version; 0 where Landlock is absent or switched off. */
int mc_landlock_abi(void);

/* Binds the calling thread for good: files are read below what Python needs and written below `workdir` alone, no TCP, no signal
 * and no abstract socket leaves the domain (as far as the ABI goes). `host_paths`: there is no private root, so only
 * /usr, /lib*, /etc/ld.so.cache, /dev/{null,zero,urandom,full} and $MATHCODER_JAIL_READ's paths may be read, instead of all of the
 * jail's root. Returns 0, or -1 with errno. */
int mc_landlock(const char* workdir, int host_paths);

/* Paths, separated by ':', that host_paths adds. Borrowed. */
void mc_landlock_read_paths(const char* paths);

#ifdef __cplusplus
}
#endif
#endif
