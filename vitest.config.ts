import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { SkipReporter } from './scripts/skip-reporter.ts'

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^kestrel-kernel$/, replacement: source('index.ts') },
      { find: /^kestrel-kernel\/providers$/, replacement: source('effects/providers/index.ts') },
      { find: /^kestrel-kernel\/providers\/contract$/, replacement: source('effects/providers/contract.ts') },
      { find: /^kestrel-kernel\/policy$/, replacement: source('authority/policy/index.ts') },
      { find: /^kestrel-kernel\/ledger$/, replacement: source('evidence/ledger/index.ts') },
      { find: /^kestrel-kernel\/receipt$/, replacement: source('evidence/receipt/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    reporters: ['default', new SkipReporter()],
  },
})

export default config
