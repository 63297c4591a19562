export { Contents, type Kept } from './contents.ts'
export { openVault } from './vault.ts'
export type { OpenVaultOptions, Payload, PayloadPlace, Vault } from './vault.ts'
