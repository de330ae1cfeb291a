import type { CodePurpose } from "@dunlin/engines/store";

/** The languages people are written to in. */
export type MailLanguage = "en" | "zh";

interface MailText {
  readonly subject: string;
  readonly text: string;
}

/** What an e-mail with a code says. */
export const codeMail = (purpose: CodePurpose, language: MailLanguage, code: string, minutes: number): MailText => {
  const what = {
    en: { register: "register", reset: "set a new password" },
    zh: { register: "注册", reset: "重置密码" },
  }[language][purpose];
  if (language === "zh") {
    return {
      subject: `${what}验证码：${code}`,
      text: `您的${what}验证码是：${code}\n\n${minutes} 分钟内有效，只能使用一次。请勿告诉任何人。\n如果不是您本人操作，请忽略此邮件。\n`,
    };
  }
  return {
    subject: `Your code to ${what}: ${code}`,
    text:
      `Your code to ${what} is: ${code}\n\nIt is good once, for ${minutes} minutes. Do not tell it to anybody.\n` +
      "If you did not ask for it, ignore this e-mail.\n",
  };
};

/** What is written to somebody who has an account and asked for a code to register. */
export const alreadyRegisteredMail = (language: MailLanguage): MailText =>
  language === "zh"
    ? {
        subject: "您已注册过账号",
        text: "有人用此邮箱地址申请注册，但该邮箱已有账号。\n如果是您本人操作，请直接登录，或重置密码。\n如果不是您本人操作，请忽略此邮件。\n",
      }
    : {
        subject: "You already have an account",
        text:
          "Somebody asked to register with this address, which has an account already.\n" +
          "If it was you: log in, or set a new password. If not, ignore this e-mail.\n",
      };
