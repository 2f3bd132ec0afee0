import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses, so that the built page works in any folder of any server.
  base: './',
  build: { outDir: '../build/page', emptyOutDir: true, target: 'es2022' },
  // The compiled network and the sample digits lie beside this folder.
  server: { fs: { allow: ['..'] } },
});
